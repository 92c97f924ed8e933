from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_core.api.provider import ModelInfo
from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.openai import read_models


def listed(found: Any) -> list[ModelInfo]:
    return list(read_models(json.dumps(found).encode()))


@pytest.mark.parametrize(
    "found",
    [
        {"object": "list", "data": [{"id": "a"}, {"id": "b"}]},
        {"data": [{"id": "a", "created": None, "owned_by": None}, {"id": "b", "created": "now", "owned_by": 7}]},
        {"models": [{"name": "a"}, {"model": "b"}]},
        {"models": ["a", "b"], "data": None},
        {"endpoints": [{"name": "a"}, {"name": "b"}]},
        [{"id": "a"}, {"id": "b"}],
        ["a", "b"],
        {"data": [{"id": "a"}, 7, None, {}, {"id": ""}, {"id": 7}, "", ["x"], {"id": "b"}, {"id": "a", "created": 5}]},
    ],
)
def test_lists_of_every_shape_are_read(found: Any) -> None:
    assert listed(found) == [ModelInfo("a"), ModelInfo("b")]


def test_what_is_told_is_kept() -> None:
    assert listed({"data": [{"id": "a", "created": 1700000000.0, "owned_by": "o", "max_model_len": 4096}]}) == [
        ModelInfo("a", created=1700000000, owned_by="o", context_length=4096)
    ]


@pytest.mark.parametrize(
    ("entry", "length"),
    [
        ({"context_length": 8192, "max_model_len": 1}, 8192),
        ({"max_model_len": 4096}, 4096),
        ({"max_context_length": 32768, "loaded_context_length": 4096}, 4096),
        ({"context_window": 131072}, 131072),
        ({"meta": {"n_ctx_train": 2048}}, 2048),
        ({"meta": {"n_ctx_train": 2048, "n_ctx": 512}}, 512),
        ({"meta": None}, None),
        ({"context_length": "8k"}, None),
        ({"context_length": True}, None),
        ({"context_length": 0, "meta": {"n_ctx_train": 7}}, 7),
        ({"context_length": -1}, None),
    ],
)
def test_the_context_length_is_found_under_every_name(entry: dict[str, Any], length: int | None) -> None:
    assert listed([{"id": "a", **entry}])[0].context_length == length


def test_a_server_adds_what_it_tells_in_its_own_words_and_leaves_models_out() -> None:
    def look(model: ModelInfo, entry: Mapping[str, Any]) -> ModelInfo | None:
        return None if entry.get("kind") == "image" else replace(model, context_length=7)

    found = json.dumps({"data": [{"id": "a"}, {"id": "b", "kind": "image"}, "c"]}).encode()
    assert read_models(found, look) == [ModelInfo("a", context_length=7), ModelInfo("c")]


@pytest.mark.parametrize("text", [b"", b"<html>", b"7", b"null", b"{}", b'{"data":{}}', b'{"error":"no"}', b"\xff"])
def test_what_is_no_list_is_invalid(text: bytes) -> None:
    with pytest.raises(UpstreamInvalid):
        read_models(text)


KEYS = st.sampled_from(["data", "models", "id", "meta", "created"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=20,
)


@given(JSON)
def test_nothing_that_a_server_says_raises_anything_else(found: Any) -> None:
    try:
        models = read_models(json.dumps(found).encode())
    except UpstreamInvalid:
        return
    assert len({model.id for model in models}) == len(models)
