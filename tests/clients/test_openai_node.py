"""OpenAI's package for JavaScript, on Node, against a started server with a relaying provider."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from dinrail_sdk.testing import Refused, Say, Spoken, ToolUse, Turn, Vectors, delivery

if TYPE_CHECKING:
    from conftest import Scripted

pytestmark = pytest.mark.xdist_group("clients")

MODEL = "up/org/kit-model"
OSLO = ToolUse(name="weather", arguments='{"place": "Oslo"}', id="call_1")

Run = Callable[..., Any]


def test_a_chat_is_answered(run: Run, upstream: Scripted) -> None:
    upstream.says(Spoken.of("Cold."))
    came = run("chat")
    assert came["text"] == "Cold."
    assert came["tokens"] > 0
    assert came["requestId"]


def test_a_chat_is_streamed_with_usage(run: Run, upstream: Scripted) -> None:
    upstream.says(Spoken.of("Cold, with a little snow."))
    came = run("stream")
    assert came["text"] == "Cold, with a little snow."
    assert came["tokens"] > 0
    assert came["events"] > 5


def test_the_helper_for_streams_puts_them_together(run: Run, upstream: Scripted) -> None:
    upstream.says(Spoken.of("Cold, with a little snow."))
    came = run("streamHelper")
    assert came["final"] == came["deltas"] == "Cold, with a little snow."


def test_a_tool_is_called(run: Run, upstream: Scripted) -> None:
    upstream.says(Spoken(choices=(Say(text=None, calls=(OSLO,), finish="tool_calls"),)))
    assert run("tools") == {"id": "call_1", "name": "weather", "arguments": {"place": "Oslo"}}
    assert upstream.asked[-1].tool_choice == "required"


def test_the_helper_for_tools_runs_them_and_feeds_the_results_back(run: Run, upstream: Scripted) -> None:
    upstream.then(
        Turn(script=Spoken(choices=(Say(text=None, calls=(OSLO,), finish="tool_calls"),))),
        Turn(script=Spoken.of("It is cold.")),
    )
    assert run("runTools") == {"answer": "It is cold.", "asked": ["Oslo"]}
    assert [(message.role, message.text) for message in upstream.asked[-1].messages][-1] == (
        "tool",
        "-3 degrees in Oslo",
    )


def test_an_answer_is_parsed_by_a_schema_whole_and_streamed(run: Run, upstream: Scripted) -> None:
    report = {"place": "Oslo", "degrees": -3.5}
    upstream.says(Spoken.of(json.dumps(report)))
    assert run("parse") == {"whole": report, "streamed": report}
    schema = upstream.asked[-1].schema
    assert schema is not None
    assert schema["required"] == ["place", "degrees"]


def test_a_text_is_completed_whole_and_streamed(run: Run, upstream: Scripted) -> None:
    upstream.says(Spoken.of(" cold and bright."))
    assert run("completions") == {"whole": " cold and bright.", "streamed": " cold and bright."}


def test_embeddings_are_the_same_in_base64_and_as_numbers(run: Run, upstream: Scripted) -> None:
    upstream.says(Vectors(vectors=((0.5, -0.25), (1.0, 0.125))))
    vectors = [[0.5, -0.25], [1, 0.125]]
    assert run("embeddings") == {"packed": vectors, "plain": vectors}
    assert [asked.base64 for asked in upstream.asked] == [True, False]


def test_models_are_listed_and_retrieved_by_ids_with_slashes(run: Run) -> None:
    came = run("models")
    assert MODEL in came["listed"]
    assert came["retrieved"] == MODEL


def test_errors_are_of_the_right_class(run: Run, upstream: Scripted) -> None:
    upstream.says(Refused(status=429, message="Slow down.", retry_after=37))
    came = run("errors")
    assert came["notFound"] | {"requestId": None} == {
        "class": "NotFoundError",
        "status": 404,
        "code": "model_not_found",
        "param": "model",
        "retryAfter": None,
        "requestId": None,
    }
    assert (came["badRequest"]["class"], came["badRequest"]["param"]) == ("BadRequestError", "temperature")
    assert (came["rateLimit"]["class"], came["rateLimit"]["retryAfter"]) == ("RateLimitError", "37")
    assert all(error["requestId"] for error in came.values())


def test_an_upstream_that_fails_in_mid_stream_is_an_error_behind_what_came(run: Run, upstream: Scripted) -> None:
    upstream.then(Turn(script=Spoken.of("Cold, with snow."), dies_after=3))
    came = run("brokenStream")
    assert came["text"] == "Cold, with"
    assert (came["error"]["class"], came["error"]["code"]) == ("APIError", "upstream_failed")


def test_a_client_that_loses_patience_ends_the_upstreams_work(run: Run, upstream: Scripted) -> None:
    upstream.says(delivery=delivery.stalled())
    assert run("timeout")["class"] == "APIConnectionTimeoutError"
    upstream.wait_until_left()


def test_a_client_that_aborts_a_stream_ends_the_upstreams_work(run: Run, upstream: Scripted) -> None:
    upstream.says(Spoken.of("word " * 400), delivery.paused(0.02))
    assert run("abort") == {"events": 2}
    upstream.wait_until_left()
