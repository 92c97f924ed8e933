from __future__ import annotations

import json
from typing import Any

import pytest

from dinrail_core.api.completions import CompletionRequest, TextChoice, TextCompletion
from dinrail_core.api.wire import MISSING, decode_request, decode_upstream
from dinrail_core.errors import InvalidRequest

NULLABLE = (
    "best_of echo frequency_penalty logit_bias logprobs max_tokens n presence_penalty prompt seed stop stream"
    " stream_options suffix temperature top_p"
)


@pytest.mark.parametrize("name", NULLABLE.split())
def test_nearly_everything_may_be_null(name: str) -> None:
    request = decode_request(CompletionRequest, {"model": "m", "prompt": "a", name: None})

    assert getattr(request, name) is None
    assert request.model_dump()[name] is None


@pytest.mark.parametrize("prompt", ["", "a", [], ["a", ""], [1], [[1], [2]], None], ids=str)
def test_a_prompt_is_text_or_tokens_or_nothing(prompt: Any) -> None:
    assert decode_request(CompletionRequest, {"model": "m", "prompt": prompt}).prompt == prompt


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "prompt"),
        ({"prompt": 7}, "prompt"),
        ({"prompt": [7, "a"]}, "prompt.1"),
        ({"prompt": [[]]}, "prompt.0"),
        ({"prompt": "a", "model": None}, "model"),
        ({"prompt": "a", "user": None}, "user"),
        ({"prompt": "a", "logprobs": 6}, "logprobs"),
        ({"prompt": "a", "logprobs": True}, "logprobs"),
        ({"prompt": "a", "best_of": 21}, "best_of"),
        ({"prompt": "a", "max_tokens": -1}, "max_tokens"),
        ({"prompt": "a", "stop": ["a"] * 5}, "stop"),
        ({"prompt": "a", "stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
    ],
)
def test_bad_input_is_refused_and_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        decode_request(CompletionRequest, {"model": "m", **fields})

    assert refused.value.param == param


def test_one_type_is_the_whole_answer_and_an_event_of_a_stream() -> None:
    event = {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 0,
        "model": "m",
        "choices": [{"index": 0, "text": "a", "finish_reason": None, "logprobs": None}],
        "usage": None,
    }

    assert decode_upstream(TextCompletion, json.dumps(event).encode()).model_dump() == event


def test_what_the_specification_requires_is_always_written() -> None:
    choice = TextChoice(index=0, text="a", finish_reason="stop")

    assert choice.model_dump() == {"index": 0, "text": "a", "finish_reason": "stop", "logprobs": None}


def test_any_finish_reason_is_handed_on() -> None:
    assert TextChoice(index=0, text="a", finish_reason="eos_token").finish_reason == "eos_token"


def test_usage_may_be_left_out() -> None:
    assert TextCompletion(id="1", created=0, model="m", choices=[]).usage is MISSING
