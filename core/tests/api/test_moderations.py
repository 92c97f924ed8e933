from __future__ import annotations

import json
from typing import Any

import pytest

from dinrail_core.api.moderations import (
    Categories,
    ModerationImagePart,
    ModerationRequest,
    ModerationResponse,
    ModerationTextPart,
)
from dinrail_core.api.wire import MISSING, decode_request, decode_upstream
from dinrail_core.errors import InvalidRequest

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
TEXT = {"type": "text", "text": "a"}


def test_text_and_images_are_judged_together() -> None:
    request = decode_request(ModerationRequest, {"input": [TEXT, IMAGE]})

    assert isinstance(request.input, list)
    assert [type(part) for part in request.input] == [ModerationTextPart, ModerationImagePart]


def test_the_model_may_be_left_out() -> None:
    assert decode_request(ModerationRequest, {"input": "a"}).model is MISSING


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "input"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": 7}, "input"),
        ({"input": ["a", TEXT]}, "input.1"),
        ({"input": [TEXT, "a"]}, "input.1"),
        ({"input": [{"text": "a"}]}, "input.0.type"),
        ({"input": [{"type": "audio"}]}, "input.0.type"),
        ({"input": [{"type": "image_url", "image_url": {}}]}, "input.0.image_url.url"),
        ({"input": "a", "model": None}, "model"),
    ],
)
def test_bad_input_is_refused_and_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        decode_request(ModerationRequest, fields)

    assert refused.value.param == param


def test_categories_have_python_names_and_are_written_under_their_own() -> None:
    flags = dict.fromkeys(Categories.model_fields, False)
    categories = Categories.model_validate(flags | {"self_harm_intent": True, "illicit": None})

    assert categories.self_harm_intent is True
    written = categories.model_dump()
    assert written["self-harm/intent"] is True
    assert "self_harm_intent" not in written


def test_categories_that_only_newer_models_know_may_be_null_or_missing() -> None:
    known = [field.alias or name for name, field in Categories.model_fields.items()]
    older = {name: False for name in known if not name.startswith("illicit")}

    assert Categories.model_validate(older).model_dump() == {**older, "illicit": None, "illicit/violent": None}


def test_unknown_categories_and_kinds_of_input_are_handed_on(moderation_response: dict[str, Any]) -> None:
    data = json.loads(json.dumps(moderation_response))
    data["results"][0]["categories"]["gambling"] = True
    data["results"][0]["category_applied_input_types"]["hate"] = ["audio"]

    assert decode_upstream(ModerationResponse, json.dumps(data).encode()).model_dump() == data
