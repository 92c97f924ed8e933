from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.errors import InvalidRequest, UnsupportedFeature
from dinrail_llamacpp.requests import chat_body, check_chat
from dinrail_llamacpp.traits import Traits

LOCAL = Traits(max_tokens=100, sampling=MappingProxyType({"top_k": 20}), media=False)
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def request(content: Any = "Hello", **more: Any) -> ChatRequest:
    return ChatRequest.model_validate({"model": "m", "messages": [{"role": "user", "content": content}], **more})


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"function_call": "auto"}, "function_call"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {"voice": "x", "format": "wav"}}, "audio"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"moderation": {"model": "x"}}, "moderation"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"content": [{"type": "text", "text": "x"}, IMAGE]}, "messages.0.content.1"),
        ({"content": [{"type": "file", "file": {"file_id": "x"}}]}, "messages.0.content.0"),
    ],
)
def test_what_would_be_ignored_is_refused_by_name(more: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_chat(request(**more), LOCAL)
    assert caught.value.param == param


def test_images_go_to_a_server_that_may_see_but_only_as_data() -> None:
    check_chat(request([IMAGE]), Traits())
    with pytest.raises(UnsupportedFeature) as caught:
        check_chat(request([{"type": "image_url", "image_url": {"url": "http://10.0.0.1/x.png"}}]), Traits())
    assert caught.value.param == "messages.0.content.0.image_url.url"


@pytest.mark.parametrize("name", ["chat_parser", "response_fields", "lora", "id_slot", "n_predict"])
def test_fields_by_which_llamacpp_talks_to_itself_are_refused(name: str) -> None:
    with pytest.raises(UnsupportedFeature) as caught:
        chat_body(request(**{name: 1}), LOCAL)
    assert caught.value.param == name


def test_fields_of_llamacpp_and_unknown_ones_are_handed_on() -> None:
    body = chat_body(request(min_p=0.1, grammar="root ::= x", x_unknown={"a": None}), LOCAL)
    assert (body["min_p"], body["grammar"], body["x_unknown"]) == (0.1, "root ::= x", {"a": None})


def test_what_the_operator_configured_is_for_requests_that_say_nothing() -> None:
    assert chat_body(request(), LOCAL).items() >= {"max_tokens": 100, "top_k": 20}.items()
    said = chat_body(request(max_completion_tokens=5, top_k=1), LOCAL)
    assert "max_tokens" not in said
    assert said["top_k"] == 1
    assert chat_body(request(), Traits()).keys() == {"model", "messages"}


def test_nulls_and_streaming_are_left_out() -> None:
    body = chat_body(request(temperature=None, stream=True, stream_options={"include_usage": True}, n=1), Traits())
    assert body.keys() == {"model", "messages"}


def test_developers_are_the_system() -> None:
    messages = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    body = chat_body(ChatRequest.model_validate({"model": "m", "messages": messages}), Traits())
    assert [message["role"] for message in body["messages"]] == ["system", "user"]


def test_probabilities_without_alternatives_are_asked_for_with_one() -> None:
    assert chat_body(request(logprobs=True), Traits())["top_logprobs"] == 1
    assert chat_body(request(logprobs=True, top_logprobs=3), Traits())["top_logprobs"] == 3
    assert "logprobs" not in chat_body(request(logprobs=False), Traits())


def test_a_strict_schema_that_cannot_be_enforced_is_refused_by_name() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": {"not": {}}}}
    with pytest.raises(UnsupportedFeature) as caught:
        chat_body(request(response_format=form), LOCAL)
    assert caught.value.param == "response_format.json_schema.schema"


def test_two_constraints_exclude_each_other() -> None:
    with pytest.raises(InvalidRequest) as caught:
        chat_body(request(response_format={"type": "json_object"}, grammar="root ::= x"), LOCAL)
    assert caught.value.param == "grammar"
