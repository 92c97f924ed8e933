from __future__ import annotations

import json
from typing import Any

import pytest

from dinrail_core.api.rerank import RerankRequest
from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.translation import TranslatedEvents
from dinrail_sdk.upstream import ReportedError
from dinrail_watsonx.answers import ChatReducer, read_chat, read_embeddings, read_ranking

USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def event(delta: dict[str, Any] | None = None, finish: str | None = None, **rest: Any) -> dict[str, Any]:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "c", "model_id": "ibm/m", "created": 1, "choices": choices, **rest}


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **rest: Any) -> dict[str, Any]:
    made = event(delta, finish, object="chat.completion.chunk", model="ibm/m", **rest)
    del made["model_id"]
    return made


def read(*events: dict[str, Any], usage: bool = True) -> tuple[list[dict[str, Any]], TranslatedEvents]:
    """What becomes of a stream, frame by frame as it is sent."""
    reading = TranslatedEvents(ChatReducer("m", usage=usage))
    frames = b"".join(reading.sift(b"id: 1\nevent: message\ndata: %b\n\n" % json.dumps(e).encode()) for e in events)
    return [json.loads(frame.removeprefix(b"data: ")) for frame in frames.split(b"\n\n") if frame], reading


def test_events_are_chunks_and_the_last_word_says_nothing() -> None:
    got, reading = read(event({"role": "assistant"}), event({"content": "Hi"}, "stop"), event(usage=USAGE), {})
    assert got == [chunk({"role": "assistant"}), chunk({"content": "Hi"}, "stop"), chunk(usage=USAGE)]
    reading.finish()


def test_a_usage_that_nobody_asked_for_is_left_out() -> None:
    got, _ = read(event({"content": "Hi"}, "stop", usage=USAGE), event(usage=USAGE), usage=False)
    assert got == [chunk({"content": "Hi"}, "stop")]


def test_a_stream_that_stops_before_every_choice_has_ended_is_not_whole() -> None:
    other = {"index": 1, "delta": {"content": "So"}, "finish_reason": None}
    _, reading = read(event({"content": "Hi"}, "stop") | {"choices": [other]}, event({}, "stop"))
    with pytest.raises(UpstreamInvalid):
        reading.finish()


def test_a_name_that_is_empty_in_later_pieces_of_a_call_is_left_out() -> None:
    first = {"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": ""}}
    later = {"index": 0, "function": {"name": "", "arguments": "{}"}}
    got, _ = read(event({"tool_calls": [first]}), event({"tool_calls": [later]}, "tool_calls"))
    bare = {"index": 0, "function": {"arguments": "{}"}}
    assert got == [chunk({"tool_calls": [first]}), chunk({"tool_calls": [bare]}, "tool_calls")]


@pytest.mark.parametrize(("theirs", "ours"), [("time_limit", "length"), ("cancelled", "cancelled"), ("stop", "stop")])
def test_an_answer_that_ran_out_of_time_is_cut_and_other_reasons_stay(theirs: str, ours: str) -> None:
    said = {"id": "c", "model_id": "ibm/m", "choices": [{"index": 0, "message": {}, "finish_reason": theirs}], "x": 1}
    choices = [{"index": 0, "message": {}, "finish_reason": ours}]
    assert read_chat(said, "m") == {
        "id": "c",
        "object": "chat.completion",
        "model": "ibm/m",
        "choices": choices,
        "x": 1,
    }


def test_an_error_in_the_middle_is_told_after_what_came_before_it() -> None:
    report = {"errors": [{"code": "x", "message": "m"}], "status_code": 500}
    got, reading = read(event({"content": "Hi"}), report)
    assert got == [chunk({"content": "Hi"})]
    assert isinstance(reading.failure, ReportedError)


@pytest.mark.parametrize("broken", [{"choices": 1}, {"choices": [{"delta": {}}]}, {"choices": [1]}])
def test_an_event_that_is_none_is_said_to_be_invalid(broken: dict[str, Any]) -> None:
    _, reading = read(broken)
    assert isinstance(reading.failure, UpstreamInvalid)


def test_parts_of_an_embedding_are_one_answer() -> None:
    bodies = [
        json.dumps({"model_id": "ibm/e", "results": [{"embedding": [float(n)]}], "input_token_count": 2}).encode()
        for n in range(2)
    ]
    found = read_embeddings(bodies, "e", 2, as_text=False)
    assert [one["embedding"] for one in found["data"]] == [[0.0], [1.0]]
    assert (found["model"], found["usage"]) == ("ibm/e", {"prompt_tokens": 4, "total_tokens": 4})


@pytest.mark.parametrize("body", [b"{}", b'{"results": [{}]}', b'{"results": [{"embedding": 1}]}', b'{"results": []}'])
def test_vectors_that_are_none_or_missing_are_said_to_be_invalid(body: bytes) -> None:
    with pytest.raises(UpstreamInvalid):
        read_embeddings([body], "e", 1, as_text=False)


def test_a_ranking_has_openais_names() -> None:
    request = RerankRequest.model_validate({"model": "m", "query": "q", "documents": ["a", "b"]})
    said = {"model_id": "ibm/r", "results": [{"index": 1, "score": 2.5}], "input_token_count": 7, "created_at": "t"}
    assert read_ranking(said, request) == {
        "created_at": "t",
        "model": "ibm/r",
        "results": [{"index": 1, "relevance_score": 2.5}],
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }
