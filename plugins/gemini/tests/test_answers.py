"""Answers and streams; a stream is the same message as the whole, and given back it is the same parts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_core.api.answers import frames
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.wire import decode_request, decode_upstream
from dinrail_core.errors import ContentFiltered, UpstreamInvalid
from dinrail_gemini.answers import GenerateReducer, read_answer
from dinrail_gemini.requests import generate_request
from dinrail_sdk.translation import TranslatedEvents
from dinrail_sdk.upstream import ReportedError

ABOUT = {"id": "i", "created": 7, "model": "m"}


def answer(*parts: dict[str, Any], reason: str | None = "STOP", **more: Any) -> dict[str, Any]:
    ended = {"finishReason": reason} if reason else {}
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "index": 0, **ended}], **more}


def streamed(*events: dict[str, Any], usage: bool = False, choices: int = 1) -> list[Any]:
    reducer = GenerateReducer(ABOUT, usage=usage, choices=choices)
    found = frames(b"".join(reducer.feed(json.loads(json.dumps(event))) for event in events))
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
                said[name] = said[name] + value if name in said and isinstance(value, str | list) else value
    for call in said.get("tool_calls", ()):
        del call["index"]
    return {"message": said, "finish_reason": finish}


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9)
signature = st.sampled_from([{}, {"thoughtSignature": "s1"}, {"thoughtSignature": "s2"}])
call = st.builds(lambda n, a: {"functionCall": {"id": f"c{n}", "name": "f", "args": {"x": a}}}, st.integers(), words)
part = st.one_of(
    st.builds(lambda text, signed: {"text": text, **signed}, words, signature),
    st.just({"text": "", "thoughtSignature": "s3"}),
    st.builds(lambda text: {"text": text, "thought": True}, words),
    st.builds(lambda one, signed: one | signed, call, signature),
    st.builds(lambda code: {"executableCode": {"language": "PYTHON", "code": code}}, words),
    st.just({"ofTomorrow": {"x": [1]}}),
)


def numbered(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every call with an id of its own, as Gemini gives them."""
    return [
        one | {"functionCall": one["functionCall"] | {"id": f"c{place}"}} if "functionCall" in one else one
        for place, one in enumerate(parts)
    ]


turns = st.lists(part, max_size=6).map(numbered)


@given(turns)
def test_a_stream_is_the_same_message_as_the_whole(parts: list[dict[str, Any]]) -> None:
    whole = read_answer(answer(*parts), ABOUT)
    decode_upstream(ChatCompletion, json.dumps(whole).encode())
    due = whole["choices"][0]
    events = [answer(one, reason=None) for one in parts]
    found = put_together(streamed(*events, answer()))
    assert found["finish_reason"] == due["finish_reason"]
    assert found["message"] == {name: value or "" for name, value in due["message"].items() if name != "refusal"}


@given(turns.filter(bool))
def test_a_message_given_back_is_the_same_parts(parts: list[dict[str, Any]]) -> None:
    answered = read_answer(answer(*parts), ABOUT)["choices"][0]["message"]
    request = decode_request(ChatRequest, {"model": "m", "messages": [{"role": "user", "content": "Hi."}, answered]})
    assert generate_request(request)["contents"][1]["parts"] == merged(parts)


def merged(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without thoughts, which nobody wants back, and with texts in a row as one."""
    found: list[dict[str, Any]] = []
    for one in parts:
        if one.get("thought"):
            continue
        if set(one) == {"text"} and found and set(found[-1]) == {"text"}:
            found[-1] = {"text": found[-1]["text"] + one["text"]}
        else:
            found.append(one)
    return found


@pytest.mark.parametrize(
    ("reason", "due"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "MALFORMED_FUNCTION_CALL"),
        ("OF_TOMORROW", "OF_TOMORROW"),
    ],
)
def test_why_it_ended_is_told_as_it_was(reason: str, due: str) -> None:
    choice = read_answer(answer({"text": "So."}, reason=reason), ABOUT)["choices"][0]
    last = streamed(answer({"text": "So."}, reason=reason))[-1]["choices"][0]
    for one in (choice, last):
        assert (one["finish_reason"], one["native_finish_reason"]) == (due, reason)


def test_calls_without_an_id_get_one_each_that_is_not_given_back() -> None:
    bare = {"functionCall": {"name": "f"}}
    said = read_answer(answer(bare, bare, responseId="r"), ABOUT)["choices"][0]
    assert [one["id"] for one in said["message"]["tool_calls"]] == ["call_made_r_0_0", "call_made_r_0_1"]
    assert said["finish_reason"] == "tool_calls"


def test_candidates_of_a_stream_end_each_for_itself() -> None:
    events = [answer({"text": "a"}, reason=None), answer({"text": "b"})]
    second = json.loads(json.dumps(events))
    for event in second:
        event["candidates"][0]["index"] = 1
    usage = {"usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3}}
    chunks = streamed(events[0], second[0], events[1], second[1] | usage, usage=True, choices=2)
    texts = {0: "", 1: ""}
    for chunk in chunks:
        for choice in chunk["choices"]:
            texts[choice["index"]] += choice["delta"].get("content", "")
    assert texts == {0: "ab", 1: "ab"}
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == 3


def test_usage_counts_thoughts_among_what_was_generated() -> None:
    counted = {
        "promptTokenCount": 20,
        "toolUsePromptTokenCount": 3,
        "cachedContentTokenCount": 8,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 7,
        "totalTokenCount": 35,
    }
    assert read_answer(answer({"text": "So."}, usageMetadata=counted), ABOUT)["usage"] == {
        "prompt_tokens": 23,
        "completion_tokens": 12,
        "total_tokens": 35,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 7},
    }


def test_what_the_answer_rests_on_is_told_in_characters() -> None:
    grounds = {
        "groundingChunks": [{"web": {"uri": "https://x", "title": "X"}}, {"retrievedContext": {"text": "y"}}],
        "groundingSupports": [{"segment": {"startIndex": 4, "endIndex": 8}, "groundingChunkIndices": [0, 1]}],
    }
    found = answer({"text": "üü Bern"})
    found["candidates"][0]["groundingMetadata"] = grounds
    choice = read_answer(found, ABOUT)["choices"][0]
    page = {"start_index": 2, "end_index": 6, "url": "https://x", "title": "X"}
    assert choice["message"]["annotations"] == [
        {"type": "url_citation", "url_citation": page},
        {"type": "source", "source": {"retrievedContext": {"text": "y"}}, "start_index": 2, "end_index": 6},
    ]
    assert choice["groundingMetadata"] == grounds
    assert put_together(streamed(found))["message"]["annotations"] == choice["message"]["annotations"]


def test_a_prompt_that_is_blocked_is_the_callers_to_mend() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "Not that."}}
    with pytest.raises(ContentFiltered, match=r"SAFETY.*Not that"):
        read_answer(blocked, ABOUT)
    with pytest.raises(ContentFiltered):
        streamed(blocked)


def test_an_error_in_mid_stream_is_one() -> None:
    with pytest.raises(ReportedError):
        streamed({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}})


@pytest.mark.parametrize(
    "strange",
    [
        {"candidates": "none"},
        {"candidates": [{"content": {"parts": "none"}}]},
        answer({"text": 7}),
        answer({"functionCall": {}}),
        answer({"text": "So."}) | {"candidates": [{"finishReason": 7}]},
    ],
)
def test_what_is_not_as_gemini_says_it_is_the_upstreams_fault(strange: dict[str, Any]) -> None:
    sieve = TranslatedEvents(GenerateReducer(ABOUT, usage=True))
    sieve.sift(b"data: %b\n\n" % json.dumps(strange).encode())
    assert isinstance(sieve.failure, UpstreamInvalid)
    with pytest.raises((AttributeError, LookupError, TypeError, ValueError)):
        read_answer(strange, ABOUT)


def test_a_segment_counts_in_its_own_part() -> None:
    support = {"segment": {"partIndex": 2, "startIndex": 0, "endIndex": 4}, "groundingChunkIndices": [0, 7]}
    found = answer({"text": "Hm.", "thought": True}, {"text": "üü "}, {"text": "Bern", "thoughtSignature": "s"})
    found["candidates"][0]["groundingMetadata"] = {
        "groundingChunks": [{"image": {"sourceUri": "https://x", "imageUri": "https://x/i.png"}}],
        "groundingSupports": [support],
    }
    (note,) = read_answer(found, ABOUT)["choices"][0]["message"]["annotations"]
    assert note["url_citation"] == {"start_index": 3, "end_index": 7, "url": "https://x", "title": ""}


def test_what_else_google_counts_is_handed_on() -> None:
    counted = {
        "promptTokenCount": 11,
        "candidatesTokenCount": 5,
        "totalTokenCount": 16,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 3}, {"modality": "AUDIO", "tokenCount": 8}],
        "trafficType": "ON_DEMAND_FLEX",
    }
    usage = read_answer(answer({"text": "So."}, usageMetadata=counted), ABOUT)["usage"]
    assert usage["prompt_tokens_details"] == {"audio_tokens": 8}
    assert "completion_tokens_details" not in usage
    assert (usage["trafficType"], usage["promptTokensDetails"][0]["tokenCount"]) == ("ON_DEMAND_FLEX", 3)
    told = streamed(answer({"text": "So."}, usageMetadata=counted), usage=True)[-1]["usage"]
    assert told == usage
