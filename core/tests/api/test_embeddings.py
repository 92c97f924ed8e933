from __future__ import annotations

import json
from typing import Any

import pytest

from dinrail_core.api.embeddings import EmbeddingRequest, EmbeddingResponse
from dinrail_core.api.wire import decode_request, decode_upstream
from dinrail_core.errors import InvalidRequest, UpstreamInvalid


def refusal(**fields: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refused:
        decode_request(EmbeddingRequest, {"model": "m", **fields})
    return refused.value


@pytest.mark.parametrize("form", ["a", ["a", "b"], [1, 2], [[1], [2, 3]], ["a"] * 2048, [[7]] * 2048], ids=type)
def test_all_four_forms_of_input_are_accepted(form: Any) -> None:
    assert decode_request(EmbeddingRequest, {"model": "m", "input": form}).input == form


@pytest.mark.parametrize(
    ("form", "param", "complaint"),
    [
        ("", "input", "at least 1 character"),
        ([], "input", "at least 1 item"),
        ([""], "input.0", "at least 1 character"),
        (["a", ""], "input.1", "at least 1 character"),
        ([[]], "input.0", "at least 1 item"),
        (["a"] * 2049, "input", "at most 2048 items"),
        ([1] * 2049, "input", "at most 2048 items"),
        ([[1]] * 2049, "input", "at most 2048 items"),
        (["a", 1], "input.1", "valid string"),
        ([1, "a"], "input.1", "valid integer"),
        ([1, 1.5], "input.1", "valid integer"),
        ([-1], "input.0", "greater than or equal to 0"),
        ([[1], 2], "input.1", "an array"),
        ([[1, "a"]], "input.0.1", "valid integer"),
        ([None], "input.0", "valid integer"),
        (None, "input", "a string, an array of strings, of tokens, or of arrays of tokens"),
        (7, "input", "a string, an array of strings, of tokens, or of arrays of tokens"),
        ({"text": "a"}, "input", "a string, an array of strings, of tokens, or of arrays of tokens"),
    ],
)
def test_bad_input_is_refused_in_terms_of_the_form_that_was_meant(form: Any, param: str, complaint: str) -> None:
    refused = refusal(input=form)

    assert refused.param == param
    assert complaint in refused.message


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "input"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "a", "encoding_format": None}, "encoding_format"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "dimensions": None}, "dimensions"),
        ({"input": "a", "user": 7}, "user"),
    ],
)
def test_other_bad_fields_are_named(fields: dict[str, Any], param: str) -> None:
    assert refusal(**fields).param == param


def answer(embedding: Any) -> bytes:
    data = [{"object": "embedding", "index": 0, "embedding": embedding}]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return json.dumps({"object": "list", "data": data, "model": "m", "usage": usage}).encode()


@pytest.mark.parametrize("embedding", [[0.5, -1.0], [1, 2], "AAAAPw=="])
def test_vectors_are_numbers_or_base64(embedding: Any) -> None:
    assert decode_upstream(EmbeddingResponse, answer(embedding)).data[0].embedding == embedding


@pytest.mark.parametrize("embedding", [None, 7, ["a"], [0.5, None], {"float": [0.5]}])
def test_anything_else_is_no_vector(embedding: Any) -> None:
    with pytest.raises(UpstreamInvalid):
        decode_upstream(EmbeddingResponse, answer(embedding))


def test_a_vector_of_what_is_no_number_is_no_vector() -> None:
    with pytest.raises(UpstreamInvalid):
        decode_upstream(EmbeddingResponse, answer([0.5]).replace(b"0.5", b"NaN"))
