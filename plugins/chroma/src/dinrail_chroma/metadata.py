"""What a record carries in Chroma, and filters in Chroma's words.

Attributes are kept by kind (``s_…`` text, ``n_…`` numbers, ``b_…`` booleans) under hexadecimal keys: Chroma refuses
some keys, and takes whole numbers and others for different kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any, TypeAlias

from dinrail_core.api.vector_index import Attribute
from dinrail_sdk.vectors.narrowing import Dialect, Order, plain_text

__all__ = ["FILE", "Conditions", "Where", "attributes_of", "metadata_of", "of_file"]

FILE = "file"

Where: TypeAlias = dict[str, Any]
"""A condition."""

_READ: Mapping[str, Callable[[Any], Attribute]] = {"s": str, "n": float, "b": bool}
_OPPOSITES = {"$eq": "$ne", "$ne": "$eq", "$in": "$nin", "$nin": "$in", "$and": "$or", "$or": "$and"}


def metadata_of(file_id: str, attributes: Mapping[str, Attribute]) -> dict[str, str | float | bool]:
    """What a record carries."""
    return {FILE: file_id, **{_name(key, value): value for key, value in attributes.items()}}


def attributes_of(metadata: Mapping[str, Any]) -> dict[str, Attribute]:
    """The attributes in what a record carries."""
    return {bytes.fromhex(name[2:]).decode(): _READ[name[0]](value) for name, value in metadata.items() if name != FILE}


def of_file(file_id: str) -> Where:
    """All records of a file."""
    return {FILE: {"$eq": file_id}}


def _name(key: str, value: Attribute) -> str:
    return f"{_kind(value)}_{plain_text(key)}"


def _kind(value: Attribute) -> str:
    return "b" if isinstance(value, bool) else "s" if isinstance(value, str) else "n"


class Conditions(Dialect[Where]):
    """Filters as Chroma has them: no negation but of equality, no order of text."""

    def equal(self, key: str, value: str | float | bool) -> Where:
        return {_name(key, value): {"$eq": value if isinstance(value, str | bool) else float(value)}}

    def one_of(self, key: str, values: Sequence[str | float]) -> Where:
        parts: list[Where] = []
        for kind, same in groupby(sorted(values, key=_kind), key=_kind):
            listed = [value if kind == "s" else float(value) for value in same]
            parts.append({f"{kind}_{plain_text(key)}": {"$in": listed}})
        return parts[0] if len(parts) == 1 else self.any_of(parts)

    def ordered(self, order: Order, key: str, value: str | float) -> Where | None:
        if isinstance(value, str):
            return None
        return {_name(key, value): {f"${order}": float(value)}}

    def all_of(self, parts: Sequence[Where]) -> Where:
        return {"$and": list(parts)}

    def any_of(self, parts: Sequence[Where]) -> Where:
        return {"$or": list(parts)}

    def no(self, part: Where) -> Where:
        ((name, condition),) = part.items()
        if name in _OPPOSITES:
            return {_OPPOSITES[name]: [self.no(one) for one in condition]}
        return {name: {_OPPOSITES[word]: value for word, value in condition.items()}}
