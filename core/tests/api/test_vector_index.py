"""What services may ask of a vector index, and what of a filter has a meaning."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from dinrail_core.api.items.filters import Filter
from dinrail_core.api.vector_index import (
    VectorRecord,
    check_attributes,
    check_collection,
    check_dimension,
    check_filter,
    check_limit,
)
from dinrail_core.errors import InvalidRequest, UnsupportedFeature

FILTERS: TypeAdapter[Any] = TypeAdapter(Filter)


def read(filter: dict[str, Any]) -> Any:
    return FILTERS.validate_python(filter)


@pytest.mark.parametrize(
    "filter",
    [
        {"type": "eq", "key": "a", "value": 1},
        {"type": "ne", "key": "", "value": True},
        {"type": "in", "key": "a", "value": []},
        {"type": "nin", "key": "a", "value": ["x", 1.5]},
        {"type": "gte", "key": "a", "value": "text"},
        {"type": "and", "filters": []},
        {"type": "or", "filters": [{"type": "and", "filters": [{"type": "lt", "key": "a", "value": -1}]}]},
    ],
)
def test_filters_with_a_meaning_are_accepted(filter: dict[str, Any]) -> None:
    check_filter(read(filter))


@pytest.mark.parametrize(
    ("filter", "param"),
    [
        ({"type": "eq", "key": "a", "value": ["x"]}, "filters.value"),
        ({"type": "in", "key": "a", "value": "x"}, "filters.value"),
        ({"type": "gt", "key": "a", "value": True}, "filters.value"),
        ({"type": "lte", "key": "a", "value": [1]}, "filters.value"),
        ({"type": "eq", "key": "a", "value": "\ud800"}, "filters.value"),
        ({"type": "eq", "key": "\ud800", "value": 1}, "filters.key"),
        (
            {
                "type": "and",
                "filters": [{"type": "eq", "key": "a", "value": 1}, {"type": "nin", "key": "a", "value": 1}],
            },
            "filters.filters.1.value",
        ),
    ],
)
def test_what_has_no_meaning_is_refused_where_it_stands(filter: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_filter(read(filter))
    assert caught.value.param == param


def test_a_filter_that_is_too_deep_or_too_long_is_refused() -> None:
    deep: dict[str, Any] = {"type": "eq", "key": "a", "value": 1}
    for _ in range(40):
        deep = {"type": "and", "filters": [deep]}
    long = {"type": "in", "key": "a", "value": ["x"] * 10_001}
    for filter in (deep, long):
        with pytest.raises(InvalidRequest):
            check_filter(read(filter))


def test_the_field_that_is_named_is_the_one_that_the_caller_knows() -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_filter(read({"type": "in", "key": "a", "value": 1}), "tools.0.filters")
    assert caught.value.param == "tools.0.filters.value"
    with pytest.raises(InvalidRequest) as refused:
        check_attributes({"good": 1, "bad": float("nan")}, "files.3.attributes")
    assert refused.value.param == "files.3.attributes.bad"


def test_names_that_some_database_cannot_have_are_none() -> None:
    assert check_collection("vs_0123") == "vs_0123"
    for name in ("", "ab", "Vs_1", "vs-1", "1vs", "vs_1\n", "v" * 64):
        with pytest.raises(ValueError, match="name of a collection"):
            check_collection(name)
    for name in ("", "a b", "ä", "x" * 129, "a\n"):
        with pytest.raises(ValueError, match="id of a record"):
            VectorRecord(name, "file", b"")
        with pytest.raises(ValueError, match="id of a record"):
            VectorRecord("id", name, b"")


def test_dimensions_and_limits_have_bounds() -> None:
    check_dimension(16_000)
    check_limit(1_000)
    for dimension in (0, 16_001):
        with pytest.raises(UnsupportedFeature):
            check_dimension(dimension)
    with pytest.raises(UnsupportedFeature, match="1 to 100"):
        check_dimension(101, 100)
    with pytest.raises(ValueError, match="limit"):
        check_limit(1_001)
