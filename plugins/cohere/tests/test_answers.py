"""Answers and streams; a stream is the same message as the whole, and given back it is what Cohere said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_cohere.answers import ChatReducer, read_chat
from dinrail_cohere.requests import chat_request
from dinrail_core.api.answers import frames
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.wire import decode_request, decode_upstream
from dinrail_core.errors import UpstreamFailed, UpstreamInvalid, UpstreamTimeout
from dinrail_sdk.translation import TranslatedEvents


def answer(reason: str = "COMPLETE", **message: Any) -> dict[str, Any]:
    return {"id": "i", "finish_reason": reason, "message": {"role": "assistant", **message}}


def events(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The stream that Cohere would send."""
    said = whole["message"]
    yield {"type": "message-start", "id": whole["id"], "delta": {"message": {"role": "assistant", "content": []}}}
    for piece in said.get("tool_plan", ""):
        yield {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": piece}}}
    for block in said.get("content", ()):
        kind = block["type"]
        yield {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": kind, kind: ""}}}}
        for piece in block[kind]:
            yield {"type": "content-delta", "index": 0, "delta": {"message": {"content": {kind: piece}}}}
        yield {"type": "content-end", "index": 0}
    for citation in said.get("citations", ()):
        yield {"type": "citation-start", "index": 0, "delta": {"message": {"citations": citation}}}
        yield {"type": "citation-end", "index": 0}
    for call in said.get("tool_calls", ()):
        begun = call | {"function": {"name": call["function"]["name"], "arguments": ""}}
        yield {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": begun}}}
        for piece in call["function"]["arguments"]:
            function = {"function": {"arguments": piece}}
            yield {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": function}}}
        yield {"type": "tool-call-end", "index": 0}
    usage = {"usage": whole["usage"]} if "usage" in whole else {}
    yield {"type": "message-end", "delta": {"finish_reason": whole["finish_reason"], **usage}}


def streamed(whole: dict[str, Any]) -> list[Any]:
    reducer = ChatReducer("m", 7, usage=True)
    found = frames(b"".join(reducer.feed(json.loads(json.dumps(event))) for event in events(whole)))
    for data in found:
        decode_upstream(ChatChunk, data)
    return [json.loads(data) for data in found]


def put_together(chunks: list[Any]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    finish = None
    for chunk in chunks:
        for choice in chunk["choices"]:
            finish = choice["finish_reason"] or finish
            for name, value in choice["delta"].items():
                if name == "tool_calls" and "id" not in value[0]:
                    said[name][-1]["function"]["arguments"] += value[0]["function"]["arguments"]
                else:
                    said[name] = said[name] + value if name in said and isinstance(value, str | list) else value
    for call in said.get("tool_calls", ()):
        del call["index"]
    return {"message": said, "finish_reason": finish}


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9)
blocks = st.lists(
    st.one_of(
        st.builds(lambda text: {"type": "text", "text": text}, words),
        st.builds(lambda text: {"type": "thinking", "thinking": text}, words),
    ),
    max_size=4,
)
calls = st.lists(
    st.builds(lambda text: {"id": "c", "type": "function", "function": {"name": "f", "arguments": text}}, words),
    max_size=2,
)
said = st.builds(
    lambda content, plan, called, cited: {
        "content": content,
        **({"tool_plan": plan} if plan else {}),
        **({"tool_calls": called} if called else {}),
        **({"citations": cited} if cited else {}),
    },
    blocks,
    st.one_of(st.just(""), words),
    calls,
    st.lists(st.just({"start": 0, "end": 1, "text": "x", "sources": [], "type": "TEXT_CONTENT"}), max_size=1),
)


@given(said)
def test_a_stream_is_the_same_message_as_the_whole(message: dict[str, Any]) -> None:
    # In a stream the plan comes first, in a whole the thoughts do; nobody has seen both.
    if "tool_plan" in message:
        message = message | {"content": [one for one in message["content"] if one["type"] == "text"]}
    whole = read_chat(answer(**message), "m", 7)
    decode_upstream(ChatCompletion, json.dumps(whole).encode())
    due = whole["choices"][0]
    found = put_together(streamed(answer(**message)))
    assert found["finish_reason"] == due["finish_reason"]
    assert found["message"] == {name: value or "" for name, value in due["message"].items() if name != "refusal"}


@given(said)
def test_a_message_given_back_is_what_cohere_said(message: dict[str, Any]) -> None:
    answered = read_chat(answer(**message), "m", 7)["choices"][0]["message"]
    request = decode_request(ChatRequest, {"model": "m", "messages": [{"role": "user", "content": "Hi."}, answered]})
    found = chat_request(request, stream=False)["messages"][1]
    content = found.get("content") or []
    found["content"] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    assert found == {"role": "assistant", **message}


@pytest.mark.parametrize(
    ("reason", "due"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("MAX_TOKENS", "length"),
        ("TOOL_CALL", "tool_calls"),
        ("OF_TOMORROW", "OF_TOMORROW"),
    ],
)
def test_why_it_ended_is_told_as_it_was(reason: str, due: str) -> None:
    whole = answer(reason, content=[{"type": "text", "text": "So."}])
    for choice in (read_chat(whole, "m", 7)["choices"][0], streamed(whole)[-1]["choices"][0]):
        assert (choice["finish_reason"], choice["native_finish_reason"]) == (due, reason)


@pytest.mark.parametrize(("reason", "kind"), [("ERROR", UpstreamFailed), ("TIMEOUT", UpstreamTimeout)])
def test_a_model_that_failed_has_not_answered(reason: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        read_chat(answer(reason), "m", 7)
    with pytest.raises(kind):
        streamed(answer(reason))


def test_usage_is_whole_tokens_and_what_is_billed_beside_them() -> None:
    usage = {"tokens": {"input_tokens": 9.0, "output_tokens": 4.0}, "billed_units": {"input_tokens": 3.0}}
    whole = answer(content=[]) | {"usage": usage | {"cached_tokens": 5.0}}
    due = {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": 5},
        "billed_units": {"input_tokens": 3.0},
    }
    assert read_chat(whole, "m", 7)["usage"] == due
    assert streamed(whole)[-1]["usage"] == due


def test_citations_are_counted_in_the_whole_text() -> None:
    texts = [{"type": "text", "text": "One. "}, {"type": "text", "text": "Two."}]
    cited = [{"start": 0, "end": 3, "content_index": 1, "sources": []}]
    whole = answer(content=texts, citations=cited)
    (note,) = read_chat(whole, "m", 7)["choices"][0]["message"]["annotations"]
    assert (note["start_index"], note["end_index"]) == (5, 8)
    assert put_together(streamed(whole))["message"]["annotations"] == [note]


def test_citations_of_thoughts_have_no_place_in_the_text() -> None:
    blocks = [{"type": "thinking", "thinking": "Two sources."}, {"type": "text", "text": "So."}]
    cited = [{"start": 0, "end": 3, "type": "THINKING_CONTENT", "content_index": 0, "sources": []}]
    message = read_chat(answer(content=blocks, citations=cited), "m", 7)["choices"][0]["message"]
    assert message["annotations"] == cited
    request = decode_request(ChatRequest, {"model": "m", "messages": [{"role": "user", "content": "Hi."}, message]})
    assert chat_request(request, stream=False)["messages"][1]["citations"] == cited


@pytest.mark.parametrize(
    "strange",
    [
        {"type": "content-delta", "delta": {"message": {"content": {"text": "early"}}}},
        {"type": "message-start", "id": "i", "delta": {"message": {"content": "none"}}},
        {"type": "message-end", "delta": {"finish_reason": 7}},
        {"type": "tool-call-start", "delta": {"message": {}}},
        {},
    ],
)
def test_an_event_that_is_none_is_the_upstreams_fault(strange: dict[str, Any]) -> None:
    sieve = TranslatedEvents(ChatReducer("m", 7, usage=True))
    assert sieve.sift(b"data: %b\n\n" % json.dumps(strange).encode()) == b""
    assert isinstance(sieve.failure, UpstreamInvalid)


def test_a_block_of_a_kind_that_nobody_knows_is_kept_and_given_back() -> None:
    strange = {"type": "of_tomorrow", "of_tomorrow": "x"}
    blocks = [{"type": "text", "text": "So."}, strange]
    message = read_chat(answer(content=blocks), "m", 7)["choices"][0]["message"]
    assert message["content"] == "So."
    request = decode_request(ChatRequest, {"model": "m", "messages": [{"role": "user", "content": "Hi."}, message]})
    assert chat_request(request, stream=False)["messages"][1]["content"] == blocks
    found = ChatReducer("m", 7, usage=False)
    begun = {"type": "message-start", "id": "i", "delta": {"message": {"role": "assistant", "content": []}}}
    opened = {"type": "content-start", "index": 0, "delta": {"message": {"content": strange}}}
    ended = {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}
    chunks = [json.loads(data) for event in (begun, opened, ended) for data in frames(found.feed(event))]
    assert put_together(chunks)["message"]["native_content"]["blocks"] == [strange]


def test_a_piece_of_a_call_before_any_is_the_upstreams_fault() -> None:
    sieve = TranslatedEvents(ChatReducer("m", 7, usage=True))
    begun = {"type": "message-start", "id": "i", "delta": {"message": {"role": "assistant", "content": []}}}
    piece = {
        "type": "tool-call-delta",
        "index": 0,
        "delta": {"message": {"tool_calls": {"function": {"arguments": "{"}}}},
    }
    sieve.sift(b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in (begun, piece)))
    assert isinstance(sieve.failure, UpstreamInvalid)
