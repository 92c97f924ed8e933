from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_mcp.schemas import MOST_NODES, without_references


def test_a_reference_becomes_what_it_points_to_with_what_stands_beside_it() -> None:
    schema = {
        "type": "object",
        "properties": {
            "at": {"$ref": "#/$defs/Point", "description": "where"},
            "list": {"items": {"$ref": "#/$defs/N"}},
        },
        "$defs": {"Point": {"type": "object", "properties": {"x": {"$ref": "#/$defs/N"}}}, "N": {"type": "number"}},
    }
    assert without_references(schema) == {
        "type": "object",
        "properties": {
            "at": {"type": "object", "properties": {"x": {"type": "number"}}, "description": "where"},
            "list": {"items": {"type": "number"}},
        },
    }


def test_what_leads_back_into_itself_is_left_open() -> None:
    tree = {"type": "object", "properties": {"left": {"$ref": "#/$defs/T", "description": "smaller"}}}
    found = without_references({"type": "object", "properties": {"t": {"$ref": "#/$defs/T"}}, "$defs": {"T": tree}})
    assert found["properties"]["t"]["properties"]["left"] == {"description": "smaller"}
    assert without_references({"type": "object", "properties": {"me": {"$ref": "#"}}}) == {
        "type": "object",
        "properties": {"me": {"type": "object", "properties": {"me": {}}}},
    }


@pytest.mark.parametrize("reference", ["https://elsewhere.example/s", "#/$defs/none", "other.json#/a", "#anchor", ""])
def test_what_cannot_be_found_here_is_left_open(reference: str) -> None:
    assert without_references({"properties": {"a": {"$ref": reference}}}) == {"properties": {"a": {}}}


def test_pointers_are_escaped_and_lead_into_lists() -> None:
    schema = {"anyOf": [{"$ref": "#/$defs/a~1b%20c"}, {"$ref": "#/anyOf/0"}], "$defs": {"a/b c": {"type": "null"}}}
    assert without_references(schema) == {"anyOf": [{"type": "null"}, {"type": "null"}]}


def test_data_and_names_are_no_references() -> None:
    schema: dict[str, Any] = {
        "properties": {"$ref": {"type": "string"}, "default": {"$ref": "#/$defs/a"}, "definitions": {"type": "string"}},
        "default": {"$ref": "#/$defs/a"},
        "$defs": {"a": {"type": "integer"}},
    }
    found = without_references(schema)
    assert found["properties"] == {
        "$ref": {"type": "string"},
        "default": {"type": "integer"},
        "definitions": {"type": "string"},
    }
    assert found["default"] == {"$ref": "#/$defs/a"}


def test_a_schema_that_would_grow_without_bound_is_cut() -> None:
    defs = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 4} for n in range(30)} | {"d30": {"type": "null"}}
    found = without_references({"properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": defs})
    assert len(json.dumps(found)) < 40 * MOST_NODES


def test_a_deep_schema_is_cut() -> None:
    deep: dict[str, Any] = {"$ref": "#/$defs/none"}
    for _ in range(5_000):
        deep = {"not": deep}
    assert "$ref" not in repr(without_references(deep))


_NAMES = st.sampled_from(["a", "b", "c"])
_SCHEMAS = st.recursive(
    st.one_of(
        st.builds(lambda name: {"$ref": f"#/$defs/{name}"}, _NAMES),
        st.sampled_from([{"type": "string"}, {"enum": [1]}]),
    ),
    lambda inner: st.one_of(
        st.dictionaries(_NAMES, inner, max_size=3).map(lambda found: {"type": "object", "properties": found}),
        st.lists(inner, min_size=1, max_size=3).map(lambda found: {"anyOf": found}),
    ),
    max_leaves=8,
)


@given(_SCHEMAS, st.dictionaries(_NAMES, _SCHEMAS))
def test_no_reference_is_left_and_the_schema_given_is_not_changed(schema: dict[str, Any], defs: dict[str, Any]) -> None:
    whole = {**schema, "$defs": defs}
    before = json.dumps(whole)
    found = json.dumps(without_references(whole))
    assert "$ref" not in found
    assert "$defs" not in found
    assert json.dumps(whole) == before
