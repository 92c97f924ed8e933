"""Answers and streams; a stream is the same message as the whole, and given back it is the same blocks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_anthropic.answers import is_plain, read_message
from dinrail_anthropic.events import MessageReducer
from dinrail_anthropic.requests import Abilities, messages_request
from dinrail_core.api.answers import frames
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.wire import decode_request, decode_upstream
from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.translation import TranslatedEvents
from dinrail_sdk.upstream import ReportedError

FORM = "anthropic-claude-v1"
PAGE = {
    "type": "web_search_result_location",
    "url": "https://x",
    "title": None,
    "cited_text": "c",
    "encrypted_index": "e",
}
PLACE = {"type": "char_location", "document_index": 0, "start_char_index": 3, "end_char_index": 9, "cited_text": "c"}


def message(*blocks: dict[str, Any], reason: str = "end_turn", **more: Any) -> dict[str, Any]:
    return {"id": "msg", "type": "message", "role": "assistant", "model": "m", "content": list(blocks)} | {
        "stop_reason": reason,
        "stop_sequence": None,
        **more,
    }


def text(said: str, *citations: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": said} | ({"citations": list(citations)} if citations else {})


def thinking(said: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": said, "signature": f"signed {said}"}


def use(number: int, **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{number}", "name": "f", "input": arguments}


def events(whole: dict[str, Any], size: int = 3) -> Iterator[dict[str, Any]]:
    """The stream that Anthropic would send."""
    end = {key: whole[key] for key in ("stop_reason", "stop_sequence")}
    usage = {"usage": whole["usage"]} if "usage" in whole else {}
    begun = whole | {
        "content": [],
        "stop_reason": None,
        **({"usage": usage["usage"] | {"output_tokens": 1}} if usage else {}),
    }
    yield {"type": "message_start", "message": begun}
    for index, block in enumerate(whole["content"]):
        empty: dict[str, Any] = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}}.get(
            block["type"], {}
        )
        started = {key: value for key, value in (block | empty).items() if key != "citations"}
        if "input" in block:
            started["input"] = {}
        yield {"type": "content_block_start", "index": index, "content_block": started}
        for delta in deltas(block, size):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": end, **usage}
    yield {"type": "message_stop"}


def deltas(block: dict[str, Any], size: int) -> Iterator[dict[str, Any]]:
    for kind, name, said in (
        ("text_delta", "text", block.get("text")),
        ("thinking_delta", "thinking", block.get("thinking")),
        ("input_json_delta", "partial_json", json.dumps(block["input"]) if block.get("input") else None),
    ):
        for at in range(0, len(said or ""), size):
            yield {"type": kind, name: (said or "")[at : at + size]}
    if "signature" in block:
        yield {"type": "signature_delta", "signature": block["signature"]}
    for citation in block.get("citations") or ():
        yield {"type": "citations_delta", "citation": citation}


def streamed(given_events: Iterable[dict[str, Any]], *, usage: bool = True) -> list[dict[str, Any]]:
    reducer = MessageReducer(usage=usage, created=7)
    read = b"".join(reducer.feed(json.loads(json.dumps(event))) for event in given_events)
    for data in frames(read):
        decode_upstream(ChatChunk, data)
    return [json.loads(data) for data in frames(read)]


def put_together(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """The message of a stream, as a client puts it together."""
    said: dict[str, Any] = {"role": "assistant", "content": ""}
    calls: dict[int, Any] = {}
    finish = None
    for chunk in chunks:
        for choice in chunk["choices"]:
            finish = choice["finish_reason"] or finish
            for name, value in choice["delta"].items():
                match name:
                    case "content" | "reasoning_content":
                        said[name] = said.get(name, "") + value
                    case "tool_calls":
                        for piece in value:
                            call = calls.setdefault(piece["index"], piece | {"function": dict(piece["function"])})
                            if call is not piece and "name" not in piece["function"]:
                                call["function"]["arguments"] += piece["function"]["arguments"]
                    case "reasoning_details" | "annotations":
                        said[name] = said.get(name, []) + value
                    case _:
                        said[name] = value
    if calls:
        said["tool_calls"] = [{key: value for key, value in call.items() if key != "index"} for call in calls.values()]
    return {"message": said, "finish_reason": finish}


def alike(said: dict[str, Any]) -> dict[str, Any]:
    """Without what differs between a stream and a whole although it means the same."""
    found = said | {"content": said["content"] or "", "refusal": None}
    for call in found.get("tool_calls", ()):
        call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    return found


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
arguments = st.dictionaries(words, st.one_of(st.none(), st.integers(-9, 9), words), max_size=3)
blocks = st.lists(
    st.one_of(
        st.builds(text, words),
        st.builds(text, words, st.sampled_from([PAGE, PLACE])),
        st.builds(thinking, words),
        st.builds(lambda data: {"type": "redacted_thinking", "data": data}, words),
        st.builds(lambda n, a: use(n, **{f"a{k}": v for k, v in a.items()}), st.integers(0, 99), arguments),
        st.builds(lambda a: {"type": "server_tool_use", "id": "s", "name": "web_search", "input": a}, arguments),
        st.builds(lambda data: {"type": "a_kind_of_tomorrow", "data": data}, words),
    ),
    max_size=6,
)


@given(blocks, st.integers(1, 5))
def test_a_stream_is_the_same_message_as_the_whole(content: list[dict[str, Any]], size: int) -> None:
    whole = message(*content, reason="tool_use")
    due = read_message(whole, 7)["choices"][0]
    found = put_together(streamed(events(whole, size)))
    assert alike(found["message"]) == alike(due["message"])
    assert found["finish_reason"] == due["finish_reason"]
    decode_upstream(ChatCompletion, json.dumps(read_message(whole, 7)).encode())


@given(blocks)
def test_a_message_given_back_is_the_same_blocks(content: list[dict[str, Any]]) -> None:
    answered = read_message(message(*content), 7)["choices"][0]["message"]
    request = decode_request(ChatRequest, {"model": "m", "messages": [{"role": "user", "content": "Hi."}, answered]})
    sent = messages_request(request, max_tokens=1, stream=False, abilities=Abilities())["messages"][1]["content"]
    assert ([{"type": "text", "text": sent}] if isinstance(sent, str) else sent) == content


def test_only_what_other_fields_cannot_rebuild_is_carried_whole() -> None:
    assert is_plain([thinking("a"), {"type": "redacted_thinking", "data": "x"}, text("b"), use(1), use(2)])
    assert not is_plain([text("a"), text("b")])
    assert not is_plain([text("a"), thinking("b")])
    assert not is_plain([text("a", PAGE)])
    assert not is_plain([{"type": "server_tool_use"}])


@pytest.mark.parametrize(
    ("reason", "due"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause_turn"),
        ("a_word_of_tomorrow", "a_word_of_tomorrow"),
    ],
)
def test_why_it_ended_is_told_as_it_was(reason: str, due: str) -> None:
    whole = message(text("So."), reason=reason) | {"stop_sequence": "END" if reason == "stop_sequence" else None}
    choice = read_message(whole, 7)["choices"][0]
    last = streamed(events(whole))[-1]["choices"][0]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (due, reason)
    assert (last["finish_reason"], last["native_finish_reason"]) == (due, reason)
    assert choice.get("stop_sequence") == last.get("stop_sequence") == whole["stop_sequence"]


def test_usage_counts_what_was_cached_as_part_of_the_prompt() -> None:
    usage = {
        "input_tokens": 5,
        "cache_read_input_tokens": 20,
        "cache_creation_input_tokens": 7,
        "cache_creation": {"ephemeral_1h_input_tokens": 7},
        "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 4},
        "service_tier": "priority",
    }
    due = {
        "prompt_tokens": 32,
        "completion_tokens": 9,
        "total_tokens": 41,
        "prompt_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 7},
        "completion_tokens_details": {"reasoning_tokens": 4},
        "cache_creation": {"ephemeral_1h_input_tokens": 7},
        "service_tier": "priority",
    }
    whole = message(text("So."), usage=usage)
    assert read_message(whole, 7)["usage"] == due
    assert streamed(events(whole))[-1] | {"choices": []} == streamed(events(whole))[-1]
    assert streamed(events(whole))[-1]["usage"] == due
    assert all("usage" not in chunk for chunk in streamed(events(whole), usage=False))


def test_citations_say_which_part_of_the_text_they_are_about() -> None:
    said = read_message(message(text("One. "), text("Two.", PAGE, PLACE)), 7)["choices"][0]["message"]
    page, place = said["annotations"]
    assert page["type"] == "url_citation"
    assert page["url_citation"] == {
        "start_index": 5,
        "end_index": 9,
        "url": "https://x",
        "title": "",
        "cited_text": "c",
        "encrypted_index": "e",
    }
    assert place == PLACE | {"start_index": 5, "end_index": 9}


def test_a_call_that_the_limit_has_cut_stays_cut() -> None:
    cut: list[dict[str, Any]] = [
        {"type": "message_start", "message": message() | {"stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": use(1)},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"pla'}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 3}},
    ]
    found = put_together(streamed(cut))
    assert found["message"]["tool_calls"][0]["function"]["arguments"] == '{"pla'
    assert found["finish_reason"] == "length"


def test_a_call_without_arguments_has_an_empty_object() -> None:
    found = put_together(streamed(events(message(use(1), use(2, a=1), reason="tool_use"))))
    assert [call["function"]["arguments"] for call in found["message"]["tool_calls"]] == ["{}", '{"a": 1}']


def test_an_error_in_mid_stream_is_one() -> None:
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    with pytest.raises(ReportedError):
        streamed([overloaded])


@pytest.mark.parametrize(
    "strange",
    [
        {"no": "type"},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "early"}},
        {"type": "message_start", "message": {"id": "m", "model": "m", "content": "none"}},
        {"type": "message_delta", "delta": {"stop_reason": 7}},
    ],
)
def test_an_event_that_is_none_is_the_upstreams_fault(strange: dict[str, Any]) -> None:
    sieve = TranslatedEvents(MessageReducer(usage=True, created=7))
    assert sieve.sift(b"data: %b\n\n" % json.dumps(strange).encode()) == b""
    assert isinstance(sieve.failure, UpstreamInvalid)


def test_an_event_of_a_kind_that_nobody_knows_is_passed_over() -> None:
    whole = message(text("So."))
    known = list(events(whole))
    strange: dict[str, Any] = {"type": "of_tomorrow", "x": [1]}
    assert streamed([known[0], strange, *known[1:]]) == streamed(known)


def test_the_tier_is_told_where_openai_has_a_word_for_it() -> None:
    for theirs, ours in (("standard", "default"), ("priority", "priority"), ("batch", None)):
        whole = message(text("So."), usage={"input_tokens": 1, "output_tokens": 2, "service_tier": theirs})
        assert read_message(whole, 7).get("service_tier") == ours
        assert streamed(events(whole))[0].get("service_tier") == ours


def test_a_message_that_stops_without_a_reason_is_cut() -> None:
    sieve = TranslatedEvents(MessageReducer(usage=True, created=7))
    told = [event for event in events(message(text("So."))) if event["type"] != "message_delta"]
    sieve.sift(b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in told))
    assert isinstance(sieve.failure, UpstreamInvalid)
