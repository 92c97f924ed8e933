"""Answers and streams; a stream is the same message as the whole, and given back it is what Bedrock said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_bedrock.answers import read_converse
from dinrail_bedrock.events import ConverseReducer
from dinrail_bedrock.requests import converse_request
from dinrail_core.api.answers import frames
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.wire import decode_request, decode_upstream
from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.translation import TranslatedEvents, lines_of
from dinrail_sdk.upstream import ReportedError

ABOUT = {"id": "i", "created": 7, "model": "m"}
WEB = {"title": "T", "location": {"web": {"url": "https://x/", "domain": "x"}}}
PAGE = {"title": "D", "location": {"documentPage": {"documentIndex": 0, "start": 1, "end": 2}}}


def answer(*blocks: dict[str, Any], reason: str = "end_turn", **more: Any) -> dict[str, Any]:
    return {"output": {"message": {"role": "assistant", "content": list(blocks)}}, "stopReason": reason, **more}


def events(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The stream that Bedrock would send."""
    yield {"messageStart": {"role": "assistant", "p": "abc"}}
    for index, block in enumerate(whole["output"]["message"]["content"]):
        ((kind, what),) = block.items()
        at = {"contentBlockIndex": index}
        if kind == "toolUse":
            about = {key: value for key, value in what.items() if key != "input"}
            yield {"contentBlockStart": {**at, "start": {"toolUse": about}}}
        elif kind == "toolResult":
            about = {key: value for key, value in what.items() if key != "content"}
            yield {"contentBlockStart": {**at, "start": {"toolResult": about}}}
        elif kind == "image":
            yield {"contentBlockStart": {**at, "start": {"image": {"format": what["format"]}}}}
        for delta in deltas(kind, what):
            yield {"contentBlockDelta": {**at, "delta": delta, "p": "abcd"}}
        yield {"contentBlockStop": at}
    yield {"messageStop": {"stopReason": whole["stopReason"]}}
    yield {"metadata": {key: whole[key] for key in ("usage", "metrics", "trace", "serviceTier") if key in whole}}


def deltas(kind: str, what: Any) -> Iterator[dict[str, Any]]:
    match kind:
        case "text":
            yield from ({"text": piece} for piece in what)
        case "citationsContent":
            yield from ({"text": piece} for piece in what["content"][0]["text"])
            yield from ({"citation": citation} for citation in what["citations"])
        case "toolUse" if what["input"]:
            yield from ({"toolUse": {"input": piece}} for piece in json.dumps(what["input"]))
        case "toolResult":
            yield from ({"toolResult": [piece]} for piece in what["content"])
        case "image":
            yield {"image": {"source": what["source"]}}
        case "reasoningContent" if "redactedContent" in what:
            yield {"reasoningContent": {"redactedContent": what["redactedContent"]}}
        case "reasoningContent":
            yield from ({"reasoningContent": {"text": piece}} for piece in what["reasoningText"]["text"])
            if "signature" in what["reasoningText"]:
                yield {"reasoningContent": {"signature": what["reasoningText"]["signature"]}}
        case "ofTomorrow":
            yield {kind: what}


def streamed(whole: dict[str, Any], *, usage: bool = True) -> list[Any]:
    reducer = ConverseReducer(ABOUT, usage=usage)
    found = frames(b"".join(reducer.feed(json.loads(json.dumps(event))) for event in events(whole)))
    assert reducer.done
    for data in found:
        decode_upstream(ChatChunk, data)
    return [json.loads(data) for data in found]


def put_together(chunks: list[Any]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    finish = None
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        finish = choice["finish_reason"] or finish
        for name, value in choice["delta"].items():
            if name == "tool_calls" and "id" not in value[0]:
                said[name][value[0]["index"]]["function"]["arguments"] += value[0]["function"]["arguments"]
            else:
                said[name] = said[name] + value if name in said and isinstance(value, str | list) else value
    for call in said.get("tool_calls", ()):
        del call["index"]
    return {"message": said, "finish_reason": finish}


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9)
block = st.one_of(
    st.builds(lambda text: {"text": text}, words),
    st.builds(lambda text: {"reasoningContent": {"reasoningText": {"text": text}}}, words),
    st.builds(
        lambda text, sign: {"reasoningContent": {"reasoningText": {"text": text, "signature": sign}}}, words, words
    ),
    st.just({"reasoningContent": {"redactedContent": "c2VjcmV0"}}),
    st.builds(
        lambda id, arguments: {"toolUse": {"toolUseId": id, "name": "f", "input": arguments}},
        st.sampled_from(["a", "b"]),
        st.dictionaries(words, st.integers(-9, 9), max_size=2),
    ),
    st.just({"toolUse": {"toolUseId": "s", "name": "web", "type": "server_tool_use", "input": {"q": 1}}}),
    st.builds(
        lambda text, cited: {"citationsContent": {"content": [{"text": text}], "citations": cited}},
        words,
        st.lists(st.sampled_from([WEB, PAGE]), min_size=1, max_size=2),
    ),
    st.builds(
        lambda texts: {"toolResult": {"toolUseId": "s", "type": "web", "content": [{"text": text} for text in texts]}},
        st.lists(words, max_size=2),
    ),
    st.just({"image": {"format": "png", "source": {"bytes": "AA=="}}}),
    st.just({"ofTomorrow": {"x": [1]}}),
)
said = st.lists(block, max_size=5)


def with_parsed_arguments(message: dict[str, Any]) -> dict[str, Any]:
    for call in message.get("tool_calls", ()):
        call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    return message


@given(said)
def test_a_stream_is_the_same_message_as_the_whole(blocks: list[dict[str, Any]]) -> None:
    whole = read_converse(answer(*blocks), ABOUT)
    decode_upstream(ChatCompletion, json.dumps(whole).encode())
    due = whole["choices"][0]
    found = put_together(streamed(answer(*blocks)))
    assert found["finish_reason"] == due["finish_reason"]
    kept = {name: value for name, value in due["message"].items() if name != "refusal"}
    assert with_parsed_arguments(found["message"]) == with_parsed_arguments({**kept, "content": kept["content"] or ""})


@given(said.filter(len))
def test_a_message_given_back_is_what_bedrock_said(blocks: list[dict[str, Any]]) -> None:
    answered = read_converse(answer(*blocks), ABOUT)["choices"][0]["message"]
    request = decode_request(ChatRequest, {"model": "m", "messages": [{"role": "user", "content": "Hi."}, answered]})
    assert converse_request(request)["messages"][1] == {"role": "assistant", "content": blocks}


@pytest.mark.parametrize(
    ("reason", "due"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("malformed_tool_use", "malformed_tool_use"),
        ("of_tomorrow", "of_tomorrow"),
    ],
)
def test_why_it_ended_is_told_as_it_was(reason: str, due: str) -> None:
    whole = answer({"text": "So."}, reason=reason)
    for choice in (read_converse(whole, ABOUT)["choices"][0], streamed(whole)[-1]["choices"][0]):
        assert (choice["finish_reason"], choice["native_finish_reason"]) == (due, reason)


def test_tokens_of_a_cache_are_a_part_of_the_prompt() -> None:
    usage = {
        "inputTokens": 3,
        "outputTokens": 4,
        "totalTokens": 22,
        "cacheReadInputTokens": 10,
        "cacheWriteInputTokens": 5,
        "cacheDetails": [{"ttl": "5m", "inputTokens": 5}],
    }
    due = {
        "prompt_tokens": 18,
        "completion_tokens": 4,
        "total_tokens": 22,
        "prompt_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 5},
        "cacheDetails": [{"ttl": "5m", "inputTokens": 5}],
    }
    whole = answer({"text": "So."}, usage=usage, metrics={"latencyMs": 9})
    read, last = read_converse(whole, ABOUT), streamed(whole)[-1]
    assert read["usage"] == last["usage"] == due
    assert read["metrics"] == last["metrics"] == {"latencyMs": 9}
    assert "usage" not in streamed(whole, usage=False)[-1]


def test_what_a_guardrail_found_is_told_with_the_usage_and_without() -> None:
    whole = answer(usage={"inputTokens": 1, "outputTokens": 1}, trace={"guardrail": {"actionReason": "x"}})
    for told in (read_converse(whole, ABOUT), streamed(whole)[-1], streamed(whole, usage=False)[-1]):
        assert told["trace"] == {"guardrail": {"actionReason": "x"}}


def test_citations_are_counted_in_the_whole_text() -> None:
    cited = {"citationsContent": {"content": [{"text": "Two."}], "citations": [WEB, PAGE]}}
    whole = answer({"text": "One. "}, cited)
    page, document = read_converse(whole, ABOUT)["choices"][0]["message"]["annotations"]
    assert page["url_citation"] == {"start_index": 5, "end_index": 9, "url": "https://x/", "title": "T"}
    assert document == {**PAGE, "type": "documentPage", "start_index": 5, "end_index": 9}


def test_a_call_that_is_cut_keeps_what_came_of_it() -> None:
    begin: list[dict[str, Any]] = [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockStart": {"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "c", "name": "f"}}}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"toolUse": {"input": '{"a": "b'}}}},
        {"messageStop": {"stopReason": "max_tokens"}},
    ]
    reducer = ConverseReducer(ABOUT, usage=False)
    found = put_together([json.loads(data) for event in begin for data in frames(reducer.feed(event))])
    assert found["message"]["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"a": "b'}
    assert found["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("validationException", "400"),
        ("throttlingException", "429"),
        ("modelStreamErrorException", "424"),
        ("serviceUnavailableException", "503"),
        ("exceptionOfTomorrowException", "500"),
    ],
)
def test_an_exception_in_a_stream_is_an_error_of_its_status(kind: str, code: str) -> None:
    for event in ({kind: {"message": "No."}}, {"error": {"code": kind[:1].upper() + kind[1:], "message": "No."}}):
        with pytest.raises(ReportedError) as caught:
            ConverseReducer(ABOUT, usage=False).feed(event)
        assert caught.value.report == {"error": {"code": code, "type": kind, "message": "No."}}


def test_events_that_nobody_knows_say_nothing() -> None:
    reducer = ConverseReducer(ABOUT, usage=False)
    assert reducer.feed({"initial-response": {}}) == b""
    assert reducer.feed({"messageStart": {"role": "assistant"}})
    assert reducer.feed({"ofTomorrow": {"a": 1}}) == b""


START = {"messageStart": {"role": "assistant"}}
TEXT = {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "a"}}}


@pytest.mark.parametrize(
    "strange",
    [
        [TEXT],
        [{"messageStart": {"role": "user"}}],
        [START, {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": ["a"]}}}],
        [START, {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"toolUse": {"input": "{"}}}}],
        [START, TEXT, {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"toolUse": {"input": "{"}}}}],
        [START, TEXT, {"contentBlockStop": {"contentBlockIndex": 0}}, TEXT],
        [START, {"contentBlockStart": {"contentBlockIndex": 0, "start": {"toolUse": {"name": "f"}}}}],
        [START, {"messageStop": {"stopReason": 7}}],
        [START, {"metadata": {"usage": {}}}],
        [START, {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"toolResult": {"text": "a"}}}}],
        [START, {"contentBlockDelta": "text"}],
        [{}],
    ],
)
def test_an_event_that_is_none_is_the_upstreams_fault(strange: list[dict[str, Any]]) -> None:
    sieve = TranslatedEvents(ConverseReducer(ABOUT, usage=True), lines_of)
    sieve.sift(b"\n".join(json.dumps(event).encode() for event in strange))
    assert isinstance(sieve.failure, UpstreamInvalid)


@pytest.mark.parametrize(("kind", "due"), [("default", "default"), ("flex", "flex"), ("reserved", None)])
def test_the_tier_is_told_where_openai_has_a_word_for_it(kind: str, due: str | None) -> None:
    whole = answer({"text": "So."}, usage={"inputTokens": 1, "outputTokens": 1}, serviceTier={"type": kind})
    assert read_converse(whole, ABOUT).get("service_tier") == due
    assert streamed(whole)[-1].get("service_tier") == due
