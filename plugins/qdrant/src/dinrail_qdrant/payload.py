"""What a point carries, and filters in Qdrant's words.

Attributes are kept by kind (``s_…`` text, ``n_…`` numbers, ``b_…`` booleans) under hexadecimal keys, since Qdrant's
paths give dots, quotes and brackets a meaning.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from dinrail_core.api.vector_index import Attribute
from dinrail_sdk.vectors.narrowing import Dialect, Order, plain_text

__all__ = ["FILE", "ID", "Conditions", "attributes_of", "payload_of", "point_id"]

ID, FILE = "id", "file"

_POINTS = uuid.UUID("2f0f1c2e-3c53-5c1b-9d3f-6f0f4f0e8a11")

Condition: TypeAlias = Any
"""A condition of whichever library's."""


def point_id(record_id: str) -> str:
    """The id of a record's point: Qdrant takes numbers and UUIDs alone."""
    return str(uuid.uuid5(_POINTS, record_id))


def payload_of(record_id: str, file_id: str, attributes: Mapping[str, Attribute]) -> dict[str, Any]:
    """What a record's point carries."""
    return {ID: record_id, FILE: file_id, **{_path(key, value): _value(value) for key, value in attributes.items()}}


def attributes_of(payload: Mapping[str, Any]) -> dict[str, Attribute]:
    """The attributes in what a point carries."""
    return {
        bytes.fromhex(path[2:]).decode(): _READ[path[0]](value)
        for path, value in payload.items()
        if path not in (ID, FILE)
    }


_READ: Mapping[str, Callable[[Any], Attribute]] = {"s": str, "n": float, "b": "true".__eq__}


def _value(value: Attribute) -> str | float:
    """Booleans are words, since the engine takes them for numbers in a condition."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _path(key: str, value: Attribute) -> str:
    kind = "b" if isinstance(value, bool) else "s" if isinstance(value, str) else "n"
    return f"{kind}_{plain_text(key)}"


class Conditions(Dialect[Condition]):
    """Filters for the server's client and for the engine, whose classes have the same names but for one.

    Args:
        words: The library.
        interval: What it calls a range of numbers.
    """

    def __init__(self, words: Any, interval: Any) -> None:
        self._words = words
        self._interval = interval

    def file(self, file_id: str) -> Condition:
        """All points of a file."""
        return self._words.Filter(must=[self._match(FILE, file_id)])

    def record(self, condition: Condition | None) -> Condition | None:
        """A whole filter."""
        return None if condition is None else self._words.Filter(must=[condition])

    def equal(self, key: str, value: str | float | bool) -> Condition:
        path, value = _path(key, value), _value(value)
        if isinstance(value, str):
            return self._match(path, value)
        return self._words.FieldCondition(key=path, range=self._interval(gte=float(value), lte=float(value)))

    def ordered(self, order: Order, key: str, value: str | float) -> Condition | None:
        if isinstance(value, str):
            return None  # there are no ranges of text
        return self._words.FieldCondition(key=_path(key, value), range=self._interval(**{order: float(value)}))

    def all_of(self, parts: Sequence[Condition]) -> Condition:
        return self._words.Filter(must=list(parts))

    def any_of(self, parts: Sequence[Condition]) -> Condition:
        return self._words.Filter(should=list(parts))

    def no(self, part: Condition) -> Condition:
        return self._words.Filter(must_not=[part])

    def _match(self, path: str, value: str) -> Condition:
        return self._words.FieldCondition(key=path, match=self._words.MatchValue(value=value))
