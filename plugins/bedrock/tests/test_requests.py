from __future__ import annotations

import json
from typing import Any

import pytest

from dinrail_bedrock.requests import converse_request
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import InvalidRequest

USER: dict[str, Any] = {"role": "user", "content": "Hi."}
PDF = "data:application/pdf;base64,JVBERg=="


def sent(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return converse_request(decode_request(ChatRequest, {"model": "m", "messages": list(messages) or [USER], **more}))


def content(*parts: dict[str, Any]) -> list[Any]:
    found: list[Any] = sent({"role": "user", "content": list(parts)})["messages"][0]["content"]
    return found


def tool(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}, **more}


def test_settings_have_bedrocks_names() -> None:
    found = sent(temperature=0.5, top_p=0.25, max_completion_tokens=9, stop="x", seed=4, metadata={"a": "b"}, user="u")
    assert found == {
        "messages": [{"role": "user", "content": [{"text": "Hi."}]}],
        "inferenceConfig": {"temperature": 0.5, "topP": 0.25, "maxTokens": 9, "stopSequences": ["x"]},
    }


def test_instructions_stand_beside_the_conversation_and_later_ones_in_it() -> None:
    found = sent({"role": "developer", "content": "Be."}, USER, {"role": "system", "content": "Now."}, USER)
    assert found["system"] == [{"text": "Be."}]
    assert [turn["role"] for turn in found["messages"]] == ["user", "system", "user"]


def test_neighbours_of_one_role_and_results_of_tools_are_one_turn() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    found = sent(
        USER,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "7", "is_error": True},
        {"role": "tool", "tool_call_id": "d", "content": ""},
        {"role": "user", "content": "And?"},
    )["messages"]
    assert found[1:] == [
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "c", "name": "f", "input": {"a": 1}}}]},
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "c", "content": [{"text": "7"}], "status": "error"}},
                {"toolResult": {"toolUseId": "d", "content": []}},
                {"text": "And?"},
            ],
        },
    ]


def test_a_turn_that_says_nothing_is_left_out() -> None:
    found = sent(USER, {"role": "assistant", "content": ""}, USER)["messages"]
    assert found == [{"role": "user", "content": [{"text": "Hi."}, {"text": "Hi."}]}]


@pytest.mark.parametrize(
    ("part", "due"),
    [
        (
            {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,AA=="}},
            {"image": {"format": "jpeg", "source": {"bytes": "AA=="}}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "s3://bucket/a.JPG"}},
            {"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://bucket/a.JPG"}}}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
            {"audio": {"format": "wav", "source": {"bytes": "AA=="}}},
        ),
        (
            {"type": "file", "file": {"file_data": PDF, "filename": "a/My_report  (2).v1.pdf"}},
            {"document": {"name": "My report (2) v1", "format": "pdf", "source": {"bytes": "JVBERg=="}}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:video/mp4;base64,AA=="}},
            {"video": {"format": "mp4", "source": {"bytes": "AA=="}}},
        ),
        (
            {"type": "file", "file": {"file_data": "s3://bucket/a.MPG"}},
            {"video": {"format": "mpeg", "source": {"s3Location": {"uri": "s3://bucket/a.MPG"}}}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:text/markdown,hi"}, "citations": {"enabled": True}},
            {
                "document": {
                    "name": "document",
                    "format": "md",
                    "source": {"bytes": "aGk="},
                    "citations": {"enabled": True},
                }
            },
        ),
    ],
)
def test_parts_become_blocks(part: dict[str, Any], due: dict[str, Any]) -> None:
    assert content(part) == [due]


def test_documents_of_one_name_are_told_apart() -> None:
    part = {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}}
    assert [block["document"]["name"] for block in content(part, part, part)] == ["a", "a (2)", "a (3)"]


def test_marks_for_caching_are_blocks_behind_what_they_mark() -> None:
    marked = {"type": "text", "text": "Long.", "prompt_cache_breakpoint": {"mode": "explicit"}}
    hour = {"cachePoint": {"type": "default", "ttl": "1h"}}
    found = sent(
        {"role": "system", "content": [marked]},
        {"role": "user", "content": [{"type": "text", "text": "Hi.", "cache_control": {"type": "x", "ttl": "1h"}}]},
        {"role": "assistant", "content": "So.", "cache_control": {"type": "ephemeral"}},
        {"role": "tool", "tool_call_id": "c", "content": [marked]},
        tools=[tool("f", cache_control={"type": "ephemeral", "ttl": "1h"})],
    )
    assert found["system"] == [{"text": "Long."}, {"cachePoint": {"type": "default"}}]
    assert found["messages"][0]["content"] == [{"text": "Hi."}, hour]
    assert found["messages"][1]["content"] == [{"text": "So."}, {"cachePoint": {"type": "default"}}]
    assert [*map(list, found["messages"][2]["content"])] == [["toolResult"], ["cachePoint"]]
    assert found["toolConfig"]["tools"][1] == hour


@pytest.mark.parametrize(
    ("choice", "due"),
    [
        (None, None),
        ("auto", {"auto": {}}),
        ("required", {"any": {}}),
        ({"type": "function", "function": {"name": "f"}}, {"tool": {"name": "f"}}),
    ],
)
def test_the_choice_of_a_tool_is_told(choice: Any, due: Any) -> None:
    config = sent(tools=[tool("f"), tool("g")], **({} if choice is None else {"tool_choice": choice}))["toolConfig"]
    assert config.get("toolChoice") == due
    assert [one["toolSpec"]["name"] for one in config["tools"]] == ["f", "g"]


def test_some_tools_alone_are_offered_where_some_are_allowed() -> None:
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "g"}}]}
    choice = {"type": "allowed_tools", "allowed_tools": allowed}
    config = sent(tools=[tool("f"), tool("g")], tool_choice=choice)["toolConfig"]
    assert [one["toolSpec"]["name"] for one in config["tools"]] == ["g"]
    assert config["toolChoice"] == {"any": {}}


def test_calls_are_forbidden_by_offering_nothing_where_there_have_been_none() -> None:
    assert "toolConfig" not in sent(tools=[tool("f")], tool_choice="none")
    with pytest.raises(InvalidRequest) as caught:
        sent(USER, {"role": "tool", "tool_call_id": "c", "content": "7"}, tools=[tool("f")], tool_choice="none")
    assert caught.value.param == "tool_choice"


def test_a_function_keeps_its_description_and_whether_it_is_strict() -> None:
    function = {"name": "f", "description": "Does.", "strict": True}
    (one,) = sent(tools=[{"type": "function", "function": function}])["toolConfig"]["tools"]
    empty = {"type": "object", "properties": {}}
    assert one == {"toolSpec": {"name": "f", "description": "Does.", "inputSchema": {"json": empty}, "strict": True}}


def test_a_schema_is_told_as_text_and_the_effort_beside_it() -> None:
    schema = {"type": "object", "properties": {"ü": {"type": "string"}}}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}
    config = sent(response_format=form, reasoning_effort="minimal")["outputConfig"]
    told = config["textFormat"]["structure"]["jsonSchema"]
    assert (json.loads(told["schema"]), told["name"]) == (schema, "n")
    assert config["effort"] == "low"
    assert "outputConfig" not in sent(reasoning_effort="none")


def test_what_is_said_in_bedrocks_words_goes_along_and_first() -> None:
    own = {"guardrailConfig": {"guardrailIdentifier": "g"}, "inferenceConfig": {"maxTokens": 5, "topK": 3}}
    found = sent(max_tokens=9, temperature=1, service_tier="flex", **own)
    assert found["guardrailConfig"] == own["guardrailConfig"]
    assert found["inferenceConfig"] == {"maxTokens": 5, "temperature": 1, "topK": 3}
    assert found["serviceTier"] == {"type": "flex"}


def test_thoughts_go_back_to_who_had_them_and_to_nobody_else() -> None:
    details = [
        {"type": "reasoning.encrypted", "data": "AA==", "format": "bedrock-converse", "index": 1},
        {"type": "reasoning.text", "text": "Hm.", "signature": "s", "format": "bedrock-converse", "index": 0},
        {"type": "reasoning.text", "text": "Other.", "format": "cohere-v2", "index": 0},
    ]
    said = {"role": "assistant", "content": "So.", "reasoning_details": details}
    assert sent(USER, said, USER)["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": "AA=="}},
        {"text": "So."},
    ]


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"presence_penalty": 1}, "presence_penalty"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"tools": [tool("f")], "parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "tools.0"),
        ({"tools": [tool("f")], "tool_choice": {"type": "custom", "custom": {"name": "c"}}}, "tool_choice"),
        ({"service_tier": "scale"}, "service_tier"),
    ],
)
def test_what_bedrock_has_no_words_for_is_refused(asked: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        sent(**asked)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("part", "where"),
    [
        ({"type": "image_url", "image_url": {"url": "https://x/a.png"}}, "image_url.url"),
        ({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AA=="}}, "image_url.url"),
        ({"type": "image_url", "image_url": {"url": "s3://bucket/a"}}, "image_url.url"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "file.file_data"),
    ],
)
def test_what_bedrock_cannot_get_at_is_refused(part: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        content(part)
    assert caught.value.param == f"messages.0.content.0.{where}"


def test_arguments_that_are_no_object_cannot_be_told() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "[1]"}}
    with pytest.raises(InvalidRequest):
        sent(USER, {"role": "assistant", "content": None, "tool_calls": [call]})
