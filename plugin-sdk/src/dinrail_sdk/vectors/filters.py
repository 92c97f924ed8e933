"""What a filter means: the reference that every index has to agree with."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from dinrail_core.api.items.filters import ComparisonFilter, CompoundFilter, Filter
from dinrail_core.api.vector_index import Attribute

__all__ = ["Matcher", "kind_of", "matcher"]

Matcher: TypeAlias = Callable[[Mapping[str, Attribute]], bool]
"""Whether a record with these attributes matches."""

_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def kind_of(value: Attribute) -> str:
    """``boolean``, ``number`` or ``string``; values of two kinds are never equal and have no order."""
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"


def matcher(filter: Filter) -> Matcher:
    """A function that says whether attributes match.

    Args:
        filter: A filter that :func:`~dinrail_core.api.vector_index.check_filter` accepts.
    """
    if isinstance(filter, CompoundFilter):
        return _compound(filter)
    if filter.type in _ORDER:
        return _ordered(filter)
    return _member(filter)


def _compound(filter: CompoundFilter) -> Matcher:
    inner = [matcher(one) for one in filter.filters]
    if filter.type == "and":
        return lambda attributes: all(one(attributes) for one in inner)
    return lambda attributes: any(one(attributes) for one in inner)


def _member(filter: ComparisonFilter) -> Matcher:
    key, negated = filter.key, filter.type in ("ne", "nin")
    values = {_comparable(value) for value in (filter.value if isinstance(filter.value, list) else [filter.value])}

    def matches(attributes: Mapping[str, Attribute]) -> bool:
        return (key in attributes and _comparable(attributes[key]) in values) != negated

    return matches


def _ordered(filter: ComparisonFilter) -> Matcher:
    assert not isinstance(filter.value, list)
    key, compare, (kind, value) = filter.key, _ORDER[filter.type], _comparable(filter.value)

    def matches(attributes: Mapping[str, Attribute]) -> bool:
        if key not in attributes:
            return False
        found, mine = _comparable(attributes[key])
        return found == kind and compare(mine, value)

    return matches


def _comparable(value: Attribute) -> tuple[str, str | float]:
    kind = kind_of(value)
    return kind, value if isinstance(value, str) else float(value)
