"""Requests, answers and streams; what a client gives back is what it was given."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_anthropic_api.answers import MessageWriter, to_message
from dinrail_anthropic_api.carried import FORM, block_of, detail_of
from dinrail_anthropic_api.requests import to_chat
from dinrail_anthropic_api.wire import MessagesRequest
from dinrail_core.api.answers import frames
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import InvalidRequest, UpstreamInvalid

USER: dict[str, Any] = {"role": "user", "content": "Hi."}
TOOL = {"name": "f", "description": "F.", "input_schema": {"type": "object"}}
MARK = {"cache_control": {"type": "ephemeral"}}
WINDOW = "model_context_window_exceeded"
USE = {"type": "tool_use", "id": "c", "name": "f", "input": {"ü": 1}}


def chat(**asked: Any) -> dict[str, Any]:
    request = decode_request(MessagesRequest, {"model": "m", "max_tokens": 9, "messages": [USER]} | asked)
    return to_chat(request).model_dump()


def messages(*given_messages: dict[str, Any]) -> Any:
    return chat(messages=list(given_messages))["messages"]


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        ({}, {}),
        ({"temperature": 0, "top_p": 1, "stop_sequences": ["a"]}, {"temperature": 0, "top_p": 1, "stop": ["a"]}),
        ({"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}),
        (
            {"metadata": {"user_id": "u" * 99}, "service_tier": "standard_only"},
            {"user": "u" * 99, "service_tier": "default"},
        ),
        ({"thinking": {"type": "enabled", "budget_tokens": 4096}}, {"reasoning_effort": "medium"}),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, {"reasoning_effort": "max"}),
        ({"thinking": {"type": "disabled"}}, {}),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": {"type": "object"}},
                }
            },
        ),
        (
            {"tools": [TOOL | MARK], "tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "f", "description": "F.", "parameters": {"type": "object"}},
                        **MARK,
                    }
                ],
                "tool_choice": "required",
                "parallel_tool_calls": False,
            },
        ),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, {"web_search_options": {}}),
        ({"top_k": 5}, {"top_k": 5}),
    ],
)
def test_fields_have_openais_names(asked: dict[str, Any], due: dict[str, Any]) -> None:
    assert chat(**asked) == {"model": "m", "messages": [USER], "max_completion_tokens": 9} | due


def test_instructions_results_and_blocks_become_messages() -> None:
    pixel = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
    found = chat(
        system=[{"type": "text", "text": "Be brief.", **MARK}],
        messages=[
            USER,
            {"role": "assistant", "content": [{"type": "text", "text": "So."}, USE, USE | {"id": "d"}]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "x"}, pixel]},
                    {"type": "tool_result", "tool_use_id": "d", "is_error": True},
                    {"type": "text", "text": "Well?"},
                    {"type": "document", "source": {"type": "text", "data": "ü"}, "title": "a.txt"},
                ],
            },
        ],
    )["messages"]
    function = {"name": "f", "arguments": '{"ü":1}'}
    assert found == [
        {"role": "system", "content": [{"type": "text", "text": "Be brief.", **MARK}]},
        USER,
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "So."}],
            "tool_calls": [{"id": one, "type": "function", "function": function} for one in "cd"],
        },
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "x"}]},
        {"role": "tool", "tool_call_id": "d", "content": "", "is_error": True},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
                {"type": "text", "text": "Well?"},
                {
                    "type": "file",
                    "file": {
                        "filename": "a.txt",
                        "file_data": f"data:text/plain;base64,{base64.b64encode('ü'.encode()).decode()}",
                    },
                },
            ],
        },
    ]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ({"type": "content", "content": "ü"}, "ü"),
        ({"type": "content", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "a\nb"),
    ],
)
def test_documents_of_blocks_are_texts_and_keep_what_is_said_of_them(source: dict[str, Any], text: str) -> None:
    about = {"citations": {"enabled": True}, "context": "An old book."}
    (message,) = messages({"role": "user", "content": [{"type": "document", "source": source, **about}]})
    (part,) = message["content"]
    assert {name: part[name] for name in about} == about
    assert base64.b64decode(part["file"]["file_data"].partition(",")[2]).decode() == text


def test_more_stops_than_chats_have_are_the_upstreams_to_judge() -> None:
    stops = ["a", "b", "c", "d", "e"]
    assert chat(stop_sequences=stops)["stop"] == stops


def test_a_choice_among_no_tools_is_left_out() -> None:
    search = {"type": "web_search_20260318", "name": "web_search", "allowed_domains": ["a.ch"], "max_uses": 3}
    found = chat(tools=[search], tool_choice={"type": "auto", "disable_parallel_tool_use": True})
    assert found["web_search_options"] == {"filters": {"allowed_domains": ["a.ch"]}}
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & found.keys()


def _content(*blocks: Any, role: str = "user") -> dict[str, Any]:
    return {"messages": [USER, {"role": role, "content": list(blocks)}]}


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages.0.content"),
        ({"messages": [{"role": "assistant", "content": 7}]}, "messages.0.content"),
        (_content({"type": "of_tomorrow"}), "messages.1.content.0"),
        (_content({"no": "type"}), "messages.1.content.0.type"),
        (_content("bare"), "messages.1.content.0"),
        (_content({"type": "text", "text": 7}), "messages.1.content.0"),
        (_content({"type": "image", "source": {"type": "file", "file_id": "f"}}), "messages.1.content.0.source"),
        (_content({"type": "tool_result"}), "messages.1.content.0.tool_use_id"),
        (_content({"type": "tool_result", "tool_use_id": "c", "content": 7}), "messages.1.content.0.content"),
        (
            _content({"type": "tool_result", "tool_use_id": "c", "content": [{"type": "tool_reference"}]}),
            "messages.1.content.0.content.0",
        ),
        (_content({"type": "tool_use"}, role="assistant"), "messages.1.content.id"),
        ({"system": [{"type": "image"}]}, "system.0.text"),
        ({"tools": [{"name": "f"}]}, "tools.0.input_schema"),
        ({"tools": [{"name": "f", "input_schema": "x"}]}, "tools.0.input_schema"),
        ({"tools": [TOOL, {"input_schema": {}}]}, "tools.1.name"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools.0.type"),
        ({"tools": [{"type": "web_search_20260318", "user_location": {"city": 7}}]}, "tools.0"),
        ({"tools": [TOOL], "tool_choice": {"type": "of_tomorrow"}}, "tool_choice.type"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": "much"}}, "thinking"),
        ({"output_config": {"effort": "huge"}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "grammar"}}}, "output_config.format.type"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
        ({"metadata": {"user_id": 7}}, "metadata.user_id"),
        ({"service_tier": "gold"}, "service_tier"),
    ],
)
def test_a_malformed_request_is_the_callers_to_mend(asked: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        chat(**asked)
    assert caught.value.param == param


def completion(message: dict[str, Any], finish: str = "stop", **choice: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": None, **message}
    return {"id": "x", "model": "m", "choices": [{"index": 0, "message": said, "finish_reason": finish, **choice}]}


@pytest.mark.parametrize(
    ("choice", "due"),
    [
        ({"finish": "stop"}, ("end_turn", None)),
        ({"finish": "stop", "native_finish_reason": "stop_sequence", "stop_sequence": "END"}, ("stop_sequence", "END")),
        ({"finish": "length"}, ("max_tokens", None)),
        ({"finish": "length", "native_finish_reason": "model_context_window_exceeded"}, (WINDOW, None)),
        ({"finish": "pause_turn", "native_finish_reason": "pause_turn"}, ("pause_turn", None)),
        ({"finish": "tool_calls"}, ("tool_use", None)),
        ({"finish": "content_filter", "native_finish_reason": "SAFETY"}, ("refusal", None)),
        ({"finish": "of_tomorrow"}, ("of_tomorrow", None)),
    ],
)
def test_why_it_ended_is_told_in_anthropics_words(choice: dict[str, Any], due: tuple[str, str | None]) -> None:
    found = to_message(completion({"content": "So."}, **choice))
    assert (found["stop_reason"], found["stop_sequence"]) == due


def test_usage_tells_what_was_cached_beside_the_rest() -> None:
    usage = {
        "prompt_tokens": 32,
        "completion_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 7},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }
    assert to_message(completion({"content": "So."}) | {"usage": usage})["usage"] == {
        "input_tokens": 5,
        "cache_read_input_tokens": 20,
        "cache_creation_input_tokens": 7,
        "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 4},
    }


@pytest.mark.parametrize("arguments", ['{"pla', "[1]"])
def test_a_call_that_is_cut_is_not_made_up(arguments: str) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    with pytest.raises(UpstreamInvalid):
        to_message(completion({"tool_calls": [call]}, "length"))


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9)
details = st.one_of(
    st.builds(
        lambda text: {"type": "reasoning.text", "text": text, "signature": "s", "format": FORM, "index": 0}, words
    ),
    st.builds(lambda data: {"type": "reasoning.encrypted", "data": data, "format": FORM, "index": 0}, words),
    st.builds(
        lambda data: {"type": "reasoning.encrypted", "data": data, "id": "c", "format": "google-gemini-v1", "index": 3},
        words,
    ),
    st.builds(lambda text: {"type": "reasoning.summary", "summary": text, "format": "cohere-v2", "index": 1}, words),
)


@given(details)
def test_thoughts_of_any_maker_come_back_as_they_went(detail: dict[str, Any]) -> None:
    assert detail_of(block_of(detail), 0) == detail


@pytest.mark.parametrize("data", ["dinrail:!", "dinrail:W10=", "dinrail:"])
def test_what_looks_like_ours_and_is_not_is_anthropics(data: str) -> None:
    found = detail_of({"type": "redacted_thinking", "data": data}, 0)
    assert found is not None
    assert found["format"] == FORM


def accumulated(read: bytes) -> list[Any]:
    """The content that a client puts together of events."""
    content: list[Any] = []
    stopped: set[int] = set()
    for data in frames(read):
        one = json.loads(data)
        match one["type"]:
            case "content_block_start":
                assert one["index"] == len(content)
                content.append(dict(one["content_block"]))
            case "content_block_delta":
                assert one["index"] not in stopped
                block, delta = content[one["index"]], one["delta"]
                match delta["type"]:
                    case "input_json_delta":
                        block["pieces"] = block.get("pieces", "") + delta["partial_json"]
                    case "citations_delta":
                        block["citations"] = [*block.get("citations", ()), delta["citation"]]
                    case kind:
                        block[kind.removesuffix("_delta")] += delta[kind.removesuffix("_delta")]
            case "content_block_stop":
                stopped.add(one["index"])
    assert stopped == set(range(len(content)))
    for block in content:
        if block["type"] == "tool_use":
            block["input"] = json.loads(block.pop("pieces", "{}"))
    return content


said = st.builds(
    lambda thought, text, arguments: {
        **({"reasoning_content": thought} if thought else {}),
        **(
            {
                "reasoning_details": [
                    {"type": "reasoning.text", "text": thought, "signature": "s", "format": FORM, "index": 0}
                ]
            }
            if thought
            else {}
        ),
        "content": text or None,
        **(
            {
                "tool_calls": [
                    {"id": f"c{n}", "type": "function", "function": {"name": "f", "arguments": json.dumps({"x": one})}}
                    for n, one in enumerate(arguments)
                ]
            }
            if arguments
            else {}
        ),
    },
    st.one_of(st.just(""), words),
    st.one_of(st.just(""), words),
    st.lists(words, max_size=3),
)


def chunks(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The message as a stream, its calls interleaved."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning_content": piece} for piece in message.get("reasoning_content", "")]
    deltas += [{"reasoning_details": [one]} for one in message.get("reasoning_details", ())]
    deltas += [{"content": piece} for piece in message["content"] or ""]
    calls = message.get("tool_calls", ())
    for place, call in enumerate(calls):
        begun = call | {"index": place, "function": {"name": "f", "arguments": ""}}
        deltas.append({"tool_calls": [begun]})
    longest = max((len(call["function"]["arguments"]) for call in calls), default=0)
    for at in range(longest):
        for place, call in enumerate(calls):
            piece = call["function"]["arguments"][at : at + 1]
            deltas.append({"tool_calls": [{"index": place, "function": {"arguments": piece}}]})
    head = {"id": "x", "model": "m"}
    found = [head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    return [*found, head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}]


@given(said)
def test_a_stream_is_the_same_content_as_the_whole(message: dict[str, Any]) -> None:
    writer = MessageWriter()
    read = b"".join([*(writer.feed(chunk) for chunk in chunks(message)), writer.finish()])
    assert accumulated(read) == to_message(completion(message))["content"]


@given(said)
def test_content_given_back_is_the_message_that_it_was(message: dict[str, Any]) -> None:
    content = to_message(completion(message))["content"]
    if not content:
        return
    back = messages(USER, {"role": "assistant", "content": content})[1]
    assert "".join(part["text"] for part in back["content"] or ()) == (message["content"] or "")
    assert back.get("reasoning_details") == message.get("reasoning_details")
    assert [json.loads(call["function"]["arguments"]) for call in back.get("tool_calls", ())] == [
        json.loads(call["function"]["arguments"]) for call in message.get("tool_calls", ())
    ]


def test_blocks_of_other_kinds_go_through_both_ways() -> None:
    blocks = [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "text", "text": "So."},
    ]
    message = {"content": "So.", "native_content": {"format": FORM, "blocks": blocks}}
    assert to_message(completion(message))["content"] == blocks
    back = messages(USER, {"role": "assistant", "content": blocks})[1]
    assert back["native_content"] == {"format": FORM, "blocks": blocks}


def test_a_stream_that_never_said_why_it_ended_is_cut() -> None:
    with pytest.raises(UpstreamInvalid):
        MessageWriter().finish()


def test_what_anthropic_says_of_an_end_and_of_a_price_goes_through() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": None}
    ended = {"native_finish_reason": "refusal", "stop_details": details}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "server_tool_use": {"web_search_requests": 1}}
    found = to_message(completion({"content": "No."}, "content_filter", **ended) | {"usage": usage})
    assert (found["stop_reason"], found["stop_details"]) == ("refusal", details)
    assert found["usage"]["server_tool_use"] == {"web_search_requests": 1}
    writer = MessageWriter()
    choice = {"index": 0, "delta": {"content": "No."}, "finish_reason": "content_filter", **ended}
    events = writer.feed({"id": "x", "model": "m", "choices": [choice], "usage": usage}) + writer.finish()
    (last,) = [json.loads(data) for data in frames(events) if b'"message_delta"' in data]
    assert last["delta"] == {"stop_reason": "refusal", "stop_sequence": None, "stop_details": details}
    assert last["usage"] == found["usage"]
