from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_core.api.answers import Answer, frames
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.wire import decode_upstream
from dinrail_core.errors import UpstreamInvalid
from dinrail_ollama.answers import ChatReducer, read_chat, read_embeddings, seconds
from dinrail_sdk.translation import TranslatedEvents, lines_of, translated
from dinrail_sdk.upstream import ReportedError

HEAD = {"model": "m", "created_at": "2026-08-21T18:48:22.123456789Z"}
ID = "chatcmpl-7"


def answer(end: str | None = "stop", **message: Any) -> dict[str, Any]:
    reason = {} if end is None else {"done_reason": end}
    return {**HEAD, "message": {"role": "assistant", "content": "", **message}, "done": True, **reason}


def streamed(*events: dict[str, Any], usage: bool = False) -> list[Any]:
    reducer = ChatReducer(id=ID, usage=usage)
    found = frames(b"".join(reducer.feed(json.loads(json.dumps(event))) for event in events))
    for data in found:
        decode_upstream(ChatChunk, data)
    return [json.loads(data) for data in found]


def put_together(chunks: list[Any]) -> tuple[str, str, list[Any], str | None]:
    text, thought, calls, finish = "", "", list[Any](), None
    for chunk in chunks:
        for choice in chunk["choices"]:
            text += choice["delta"].get("content", "")
            thought += choice["delta"].get("reasoning_content", "")
            calls += choice["delta"].get("tool_calls", [])
            finish = choice["finish_reason"] or finish
    return text, thought, calls, finish


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
called = st.lists(st.dictionaries(words, st.integers(-9, 9), max_size=2), max_size=3)


@given(
    st.lists(words, max_size=4), st.lists(words, max_size=4), called, st.sampled_from(["stop", "length", "of tomorrow"])
)
def test_a_stream_is_the_same_answer_as_the_whole(
    thoughts: list[str], texts: list[str], arguments: list[dict[str, int]], end: str
) -> None:
    calls = [{"function": {"name": "f", "arguments": one}} for one in arguments]
    lines: list[dict[str, Any]] = [
        *({"thinking": piece} for piece in thoughts),
        *({"content": piece} for piece in texts),
        *({"tool_calls": [call]} for call in calls),
    ]
    events = [{**HEAD, "message": {"role": "assistant", "content": "", **line}, "done": False} for line in lines]
    text, thought, found, finish = put_together(streamed(*events, answer(end)))
    whole = read_chat(
        answer(end, content="".join(texts), thinking="".join(thoughts), **({"tool_calls": calls} if calls else {})), ID
    )
    decode_upstream(ChatCompletion, json.dumps(whole).encode())
    said = whole["choices"][0]["message"]
    assert (text, thought) == (said["content"] or "", said.get("reasoning_content", ""))
    assert found == [{"index": place, **call} for place, call in enumerate(said.get("tool_calls", []))]
    assert finish == whole["choices"][0]["finish_reason"]


@pytest.mark.parametrize(("end", "due"), [("stop", "stop"), ("length", "length"), (None, "stop"), ("load", "load")])
def test_why_it_ended_is_told_as_it_was(end: str | None, due: str) -> None:
    assert read_chat(answer(end), ID)["choices"][0]["finish_reason"] == due
    assert put_together(streamed(answer(end)))[3] == due


def test_calls_are_why_it_ended_unless_the_limit_was() -> None:
    call = {"id": "call_x", "function": {"name": "f", "arguments": {"a": 1}}}
    whole = read_chat(answer("stop", tool_calls=[call]), ID)["choices"][0]
    assert (whole["finish_reason"], whole["message"]["tool_calls"][0]["id"]) == ("tool_calls", "call_x")
    assert read_chat(answer("length", tool_calls=[call]), ID)["choices"][0]["finish_reason"] == "length"


def test_calls_without_an_id_get_one_each_that_stays() -> None:
    call = {"function": {"name": "f", "arguments": {}}}
    ids = [made["id"] for made in read_chat(answer(tool_calls=[call, call]), ID)["choices"][0]["message"]["tool_calls"]]
    assert ids == ["call_7_0", "call_7_1"]


@pytest.mark.parametrize(
    ("counts", "due"),
    [
        ({"prompt_eval_count": 3, "eval_count": 4}, (3, 4, 7)),
        ({"eval_count": 4}, (0, 4, 4)),
        ({}, None),
    ],
)
def test_usage_is_what_was_counted(counts: dict[str, int], due: tuple[int, int, int] | None) -> None:
    usage = read_chat(answer() | counts, ID).get("usage")
    last = streamed(answer() | counts, usage=True)[-1].get("usage")
    told = usage and (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"])
    assert told == due
    assert last == usage


def test_an_error_in_mid_stream_is_one() -> None:
    with pytest.raises(ReportedError):
        streamed({"error": "an error was encountered while running the model"})


@pytest.mark.parametrize(
    "strange",
    [
        {},
        HEAD,
        answer() | {"created_at": "yesterday"},
        answer() | {"message": "So."},
        answer(content=7),
        answer() | {"done_reason": 7},
        answer(tool_calls="none"),
        answer(tool_calls=[{}]),
        answer() | {"logprobs": "none"},
    ],
)
def test_what_is_not_as_ollama_says_it_is_the_upstreams_fault(strange: dict[str, Any]) -> None:
    line = json.dumps(strange).encode()
    sieve = TranslatedEvents(ChatReducer(id=ID, usage=True), lines_of)
    sieve.sift(line + b"\n")
    assert isinstance(sieve.failure, UpstreamInvalid)
    if strange != answer(content=7):
        with pytest.raises(UpstreamInvalid):
            translated(Answer(ChatCompletion, body=line), ChatCompletion, lambda said: read_chat(said, ID))


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("1970-01-01T00:00:07Z", 7),
        ("1970-01-01T02:00:07.123456789+02:00", 7),
        ("0001-01-01T00:00:00Z", 0),
    ],
)
def test_times_are_read_as_go_writes_them(text: str, due: int) -> None:
    assert seconds(text) == due


@pytest.mark.parametrize("vectors", [[[1.0]], ["ab", "cd"], [["x"], ["y"]], 7])
def test_vectors_that_are_none_are_the_upstreams_fault(vectors: Any) -> None:
    for packed in (False, True):
        if vectors == [["x"], ["y"]] and not packed:
            continue  # handed on as they are, for whoever looks at the typed view
        with pytest.raises((TypeError, ValueError)):
            read_embeddings({"embeddings": vectors}, "m", 2, packed=packed)
