from __future__ import annotations

import json
from typing import Any

import pytest

from dinrail_core.api.answers import frames
from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.upstream.events import ReportedError
from dinrail_sdk.upstream.openai_events import OpenAIEvents


def chunk(index: int = 0, finish: str | None = None, **more: object) -> bytes:
    choice = {"index": index, "delta": {"content": "x"}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "c", "choices": [choice], **more}).encode() + b"\n\n"


def test_usual_events_are_handed_on_as_the_object_that_came() -> None:
    one, two = chunk(), chunk() + chunk()
    events = OpenAIEvents()
    assert events.sift(one) is one
    assert events.sift(two) is two


def test_done_is_stripped_and_ends_the_stream() -> None:
    events = OpenAIEvents()
    assert events.sift(chunk() + b"data: [DONE]\n\n" + chunk()) == chunk()
    assert events.done


@pytest.mark.parametrize(
    "done", [b"data:[DONE]\n\n", b"data: [DONE] \n\n", b"event: done\ndata: [DONE]\n\n", b"data: [DONE]"]
)
def test_done_is_known_in_all_its_spellings(done: bytes) -> None:
    events = OpenAIEvents()
    assert events.sift(done) == b""
    assert events.done


def test_done_inside_a_text_is_a_text() -> None:
    frame = b'data: {"choices":[{"index":0,"delta":{"content":"data: [DONE]"}}]}\n\n'
    events = OpenAIEvents()
    assert events.sift(frame) == frame
    assert not events.done


def test_data_over_several_lines_becomes_one_line() -> None:
    assert OpenAIEvents().sift(b'data: {"a":\ndata: 1}\n\n') == b'data: {"a": 1}\n\n'


def test_data_without_the_space_gets_it() -> None:
    assert OpenAIEvents().sift(b'data:{"a":1}\n\n') == b'data: {"a":1}\n\n'


def test_names_and_ids_of_events_are_dropped() -> None:
    assert OpenAIEvents().sift(b'event: chunk\nid: 7\nretry: 9\ndata: {"a":1}\n\n') == b'data: {"a":1}\n\n'


def test_comments_are_handed_on() -> None:
    events = OpenAIEvents()
    assert events.sift(b": waiting\n\n" + chunk()) == b": waiting\n\n" + chunk()
    assert events.sift(b': note\ndata: {"a":1}\n\n') == b'data: {"a":1}\n\n: note\n\n'


def test_a_comment_that_is_not_text_is_dropped() -> None:
    assert OpenAIEvents().sift(b": \xff\n\n" + chunk()) == chunk()


@pytest.mark.parametrize(
    "frame",
    [
        b"data: {nonsense}\n\n",
        b"data: hello\n\n",
        b"data: [1]\n\n",
        b"data: 7\n\n",
        b'data: {"a":"\xff\xfe"}\n\n',
        b'data: {"a":NaN}\n\n',
        b'data: {"choices":[1]}\n\n',
        b'data: {"choices":7}\n\n',
        b'data: {"choices":[{"index":[0],"finish_reason":null}]}\n\n',
        b'data: {"a":1\n\n',
    ],
)
def test_what_is_no_event_is_a_failure_after_what_stands_before_it(frame: bytes) -> None:
    alone, after = OpenAIEvents(), OpenAIEvents()
    assert alone.sift(frame) == b""
    assert isinstance(alone.failure, UpstreamInvalid)
    assert after.sift(chunk() + frame + chunk()) == chunk()
    assert isinstance(after.failure, UpstreamInvalid)


@pytest.mark.parametrize(
    "frame",
    [
        b'data: {"error":{"message":"no","code":500}}\n\n',
        b'data: {"error":"no"}\n\n',
        b'data: {"id":"x","error":{"message":"no"},"choices":[]}\n\n',
        b'event: error\ndata: {"message":"no"}\n\n',
        b'error: {"message":"no"}\n\n',
        b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"error"}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"insufficient_system_resource"}]}\n\n',
    ],
)
def test_an_error_is_a_failure_after_what_stands_before_it(frame: bytes) -> None:
    events = OpenAIEvents()
    assert events.sift(chunk() + frame + b"data: [DONE]\n\n") == chunk()
    assert isinstance(events.failure, ReportedError)
    assert not events.done


@pytest.mark.parametrize("value", [b"null", b"{}", b'""'])
def test_an_empty_error_is_none(value: bytes) -> None:
    frame = b'data: {"error":%b,"choices":[]}\n\n' % value
    events = OpenAIEvents()
    assert events.sift(frame) == frame
    assert events.failure is None


USAGE = b'data: {"id":"c","choices":[],"usage":{"total_tokens":1}}\n\n'


def test_usage_that_was_asked_for_is_handed_on() -> None:
    events = OpenAIEvents()
    assert events.sift(USAGE) is USAGE


@pytest.mark.parametrize("after", [b"", b"data: [DONE]\n\n", chunk()])
def test_usage_that_nobody_asked_for_is_taken_out(after: bytes) -> None:
    kept = after if b"DONE" not in after else b""
    assert OpenAIEvents(usage=False).sift(USAGE + after) == kept
    assert OpenAIEvents(usage=False).sift(chunk() + USAGE + after) == chunk() + kept


def test_what_carries_usage_beside_a_choice_loses_the_usage_alone() -> None:
    with_usage, without = chunk(0, "stop", usage={"total_tokens": 1}, x=1), chunk(0, "stop", x=1)
    events = OpenAIEvents(usage=False)
    assert json.loads(events.sift(with_usage)[6:]) == json.loads(without[6:])
    events.finish()


def test_an_event_without_choices_that_tells_something_else_is_handed_on() -> None:
    frame = b'data: {"choices":[],"prompt_filter_results":[],"usage":null}\n\n'
    assert OpenAIEvents(usage=False).sift(frame) is frame


def test_a_stream_is_whole_when_every_choice_has_finished() -> None:
    events = OpenAIEvents()
    events.sift(chunk(0) + chunk(1) + chunk(1, "stop"))
    with pytest.raises(UpstreamInvalid):
        events.finish()
    events.sift(chunk(0, "length"))
    events.finish()
    events.sift(b'data: {"choices":[],"usage":{"total_tokens":1}}\n\n')
    events.finish()


def test_a_stream_without_any_choice_is_not_whole() -> None:
    with pytest.raises(UpstreamInvalid):
        OpenAIEvents().finish()


def shout(event: dict[str, Any]) -> bool:
    delta = event["choices"][0]["delta"]
    delta["content"] = delta["content"].upper()
    return bool(delta["content"] == "X")


def test_events_are_put_into_other_words_one_by_one() -> None:
    events = OpenAIEvents(reword=shout)
    kept = events.sift(chunk() + chunk(finish="stop") + b": still here\n\n" + b"data: [DONE]\n\n")
    assert [json.loads(data)["choices"][0]["delta"]["content"] for data in frames(kept)] == ["X", "X"]
    assert b": still here\n\n" in kept
    assert events.done


def test_an_event_that_needs_no_other_words_is_handed_on_as_it_came() -> None:
    one = chunk()
    assert OpenAIEvents(reword=lambda event: False).sift(one) is one


@pytest.mark.parametrize(
    "odd", [b'data: {"choices":7}\n\n', b'data: {"choices":[]}\n\n', b'data: {"choices":[{}]}\n\n']
)
def test_what_cannot_be_put_into_other_words_goes_the_usual_way(odd: bytes) -> None:
    plain, rewording = OpenAIEvents(), OpenAIEvents(reword=lambda event: bool(event["choices"][0]["delta"]))
    assert rewording.sift(odd) == plain.sift(odd)
    assert type(rewording.failure) is type(plain.failure)
