"""Filters in SQL, over attributes as ``jsonb``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from dinrail_core.api.vector_index import Attribute
from dinrail_sdk.vectors.narrowing import Dialect, Order, ordered_text

__all__ = ["Condition", "Sql", "stored"]

_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def stored(attributes: Mapping[str, Attribute]) -> str:
    """Attributes as they are kept: JSON, without NUL, which PostgreSQL cannot store."""
    return orjson.dumps({ordered_text(key): _value(value) for key, value in attributes.items()}).decode()


def _value(value: Attribute) -> Attribute:
    return ordered_text(value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Condition:
    """A piece of SQL with a ``?`` wherever one of the values stands."""

    text: str
    values: tuple[str, ...]

    def bound(self, values: list[Any]) -> str:
        """The text with numbered places; the values are added to those that are bound already."""
        first, *rest = self.text.split("?")
        numbered = [first]
        for value, text in zip(self.values, rest, strict=True):
            values.append(value)
            numbered.append(f"${len(values)}::text{text}")
        return "".join(numbered)


class Sql(Dialect[Condition]):
    """Conditions in SQL.

    Numbers are written as the shortest decimals that lead back to them, which have the same order.
    """

    def equal(self, key: str, value: str | float | bool) -> Condition:
        return Condition("attributes @> ?::jsonb", (stored({key: value}),))

    def ordered(self, order: Order, key: str, value: str | float) -> Condition:
        name = ordered_text(key)
        if isinstance(value, str):
            kind, bound = "string", ordered_text(value)
            compared = f'(attributes ->> ?) COLLATE "C" {_SIGNS[order]} ?'
        else:
            kind, bound = "number", repr(float(value))
            compared = f"(attributes -> ?)::numeric {_SIGNS[order]} ?::numeric"
        # Which side of an AND is looked at first is PostgreSQL's choice; the branches of a CASE are not.
        text = f"(CASE WHEN jsonb_typeof(attributes -> ?) = '{kind}' THEN {compared} ELSE false END)"
        return Condition(text, (name, name, bound))

    def all_of(self, parts: Sequence[Condition]) -> Condition:
        return _joined(" AND ", parts)

    def any_of(self, parts: Sequence[Condition]) -> Condition:
        return _joined(" OR ", parts)

    def no(self, part: Condition) -> Condition:
        return Condition(f"(NOT {part.text})", part.values)


def _joined(word: str, parts: Sequence[Condition]) -> Condition:
    text = word.join(part.text for part in parts)
    return Condition(f"({text})", tuple(value for part in parts for value in part.values))
