from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_core.errors import UnsupportedFeature
from dinrail_llamacpp.schemas import prepare, standing_alone

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "parents": {"type": "array", "items": {"$ref": "#/$defs/person"}}},
    "required": ["name"],
    "$defs": {"person": {"$ref": "#"}},
}


def prepared(schema: dict[str, Any], *, strict: bool = False) -> dict[str, Any]:
    return prepare(schema, root="#", strict=strict, param="p")


def test_references_point_to_where_the_schema_will_stand() -> None:
    moved = prepare(PERSON, root="#/$defs/tool3", strict=True, param="p")
    assert moved["properties"]["parents"]["items"] == {"$ref": "#/$defs/tool3/$defs/person"}
    assert moved["$defs"]["person"] == {"$ref": "#/$defs/tool3"}


def test_a_property_that_is_called_like_a_keyword_is_a_property() -> None:
    schema = {"type": "object", "properties": {"$ref": {"type": "string"}, "pattern": {"const": "#"}, "not": {}}}
    assert prepared(schema, strict=True) == schema


def test_values_are_no_schemas() -> None:
    schema = {"enum": [{"$ref": "#"}, {"not": 1}], "const": {"title": "x"}}
    assert prepared(schema, strict=True) == schema


def test_null_as_the_only_value_stays_one() -> None:
    assert prepared({"const": None}) == {"type": "null"}


def test_a_schema_that_refers_to_its_root_gets_a_name_for_it() -> None:
    alone = standing_alone(PERSON, strict=True, param="p")
    assert alone["$ref"] == "#/$defs/it"
    assert alone["$defs"]["it"]["$defs"]["person"] == {"$ref": "#/$defs/it"}


def test_a_schema_that_does_not_is_sent_as_it_is() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    assert standing_alone(schema, strict=True, param="p") == schema


@pytest.mark.parametrize(
    "part",
    [
        {"not": {"type": "string"}},
        {"type": "integer", "multipleOf": 7},
        {"type": "number", "minimum": 0.5},
        {"type": "array", "uniqueItems": True},
        {"type": "string", "format": "email"},
        {"type": "string", "pattern": r"\bword\b"},
        {"if": {}, "then": {}},
        {"type": "object", "patternProperties": {"^x": {}}},
    ],
)
def test_what_would_be_passed_over_is_refused_where_it_must_hold(part: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": {"deep": {"anyOf": [{"type": "null"}, part]}}}
    with pytest.raises(UnsupportedFeature) as caught:
        prepared(schema, strict=True)
    assert caught.value.param == "p"
    assert "/properties/deep/anyOf/1/" in caught.value.message


def test_what_would_be_passed_over_is_left_out_where_it_need_not_hold() -> None:
    assert prepared({"type": "integer", "multipleOf": 7, "minimum": 1}) == {"type": "integer", "minimum": 1}


def test_patterns_are_translated() -> None:
    assert prepared({"type": "string", "pattern": r"^\d+$"}, strict=True)["pattern"] == r"^([\u0030-\u0039]+)$"


def test_true_is_any_value() -> None:
    assert prepared({"type": "object", "properties": {"a": True}, "additionalProperties": True}) == {
        "type": "object",
        "properties": {"a": {}},
        "additionalProperties": True,
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "properties",
                    "items",
                    "$ref",
                    "enum",
                    "pattern",
                    "anyOf",
                    "additionalProperties",
                    "const",
                    "x",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(st.text(max_size=4) | st.sampled_from(["type", "properties", "items", "anyOf", "pattern"]), JSON)
)
def test_any_object_is_prepared_or_refused_and_never_changed(schema: dict[str, Any]) -> None:
    before = copy.deepcopy(schema)
    assert isinstance(prepare(schema, root="#/$defs/x", strict=False, param="p"), dict)
    with suppress(UnsupportedFeature):
        prepare(schema, root="#", strict=True, param="p")
    assert schema == before
