"""OpenAI's package for JavaScript and its helpers for responses, against a started server of the bundle."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from dinrail_sdk.testing import Say, Spoken, ToolUse, Turn, delivery

if TYPE_CHECKING:
    from conftest import Scripted

pytestmark = pytest.mark.xdist_group("clients")

OSLO = ToolUse(name="weather", arguments='{"place": "Oslo"}', id="call_1")
CALLS = Turn(script=Spoken(choices=(Say(text=None, calls=(OSLO,), finish="tool_calls"),)))
QUESTION = "How is the weather in Oslo?"

Ask = Callable[[str], Any]


@pytest.fixture
def ask(run: Callable[..., Any]) -> Ask:
    return partial(run, file="responses.mjs")


def said(upstream: Scripted) -> list[tuple[str, str]]:
    """What the newest request told the model."""
    return [(message.role, message.text) for message in upstream.asked[-1].messages]


def test_a_response_is_made_found_and_deleted(ask: Ask, upstream: Scripted) -> None:
    upstream.says(Spoken.of("Cold."))
    came = ask("kept")
    assert came.pop("tokens") > 0
    assert came.pop("gone")["class"] == "NotFoundError"
    assert came.pop("deleted")["deleted"] is True
    assert came == {
        "text": "Cold.",
        "found": [True, "completed", "Be brief.", "demo"],
        "asked": [QUESTION],
    }
    assert said(upstream) == [("system", "Be brief."), ("user", QUESTION)]


def test_a_response_is_streamed(ask: Ask, upstream: Scripted) -> None:
    upstream.says(Spoken.of("Cold, with a little snow."))
    assert ask("stream") == {
        "deltas": "Cold, with a little snow.",
        "numbers": True,
        "ends": ["response.created", "response.completed"],
        "final": "Cold, with a little snow.",
    }


def test_the_helper_for_streams_puts_them_together(ask: Ask, upstream: Scripted) -> None:
    upstream.says(Spoken.of("Cold, with a little snow."))
    assert ask("streamHelper") == {"final": "Cold, with a little snow.", "said": "Cold, with a little snow."}


def test_a_turn_with_a_function_goes_on_from_its_response(ask: Ask, upstream: Scripted) -> None:
    upstream.then(CALLS, Turn(script=Spoken.of("It is cold.")))
    assert ask("tools") == {"called": ["function_call", "weather", {"place": "Oslo"}], "answer": "It is cold."}
    assert upstream.asked[0].tool_choice == "required"
    assert said(upstream) == [("user", QUESTION), ("assistant", ""), ("tool", "-3 degrees")]


def test_the_helper_for_tools_runs_them_and_feeds_the_results_back(ask: Ask, upstream: Scripted) -> None:
    upstream.then(CALLS, Turn(script=Spoken.of("It is cold.")))
    assert ask("runTools") == {"answer": "It is cold.", "asked": ["Oslo"]}
    assert said(upstream)[-1] == ("tool", "-3 degrees in Oslo")


def test_an_answer_is_parsed_by_a_schema_whole_and_streamed(ask: Ask, upstream: Scripted) -> None:
    report = {"place": "Oslo", "degrees": -3.5}
    upstream.says(Spoken.of(json.dumps(report)))
    assert ask("parse") == {"whole": report, "streamed": report}
    schema = upstream.asked[-1].schema
    assert schema is not None
    assert schema["required"] == ["place", "degrees"]


def test_a_conversation_gathers_its_turns(ask: Ask, upstream: Scripted) -> None:
    assert ask("conversation") == [
        ["user", "one"],
        ["assistant", "You said: one"],
        ["user", "two"],
        ["assistant", "You said: two"],
    ]
    assert len(said(upstream)) == 3


def test_a_response_of_the_background_is_polled_and_its_stream_taken_up_again(ask: Ask, upstream: Scripted) -> None:
    upstream.says(Spoken.of("Cold, with a little snow."))
    came = ask("background")
    assert came.pop("begun") in ("queued", "in_progress")
    assert came == {
        "polled": ["completed", "Cold, with a little snow."],
        "joined": "Cold, with a little snow.",
        "next": 1,
    }


def test_a_response_of_the_background_is_cancelled(ask: Ask, upstream: Scripted) -> None:
    upstream.says(delivery=delivery.stalled())
    assert ask("cancel") == "cancelled"


def test_turns_follow_each_other_over_a_websocket(ask: Ask, upstream: Scripted) -> None:
    assert ask("socket") == ["You said: one", "You said: two"]
    assert said(upstream) == [("user", "one"), ("assistant", "You said: one"), ("user", "two")]


def test_errors_are_of_the_right_class(ask: Ask, upstream: Scripted) -> None:
    came = ask("errors")
    assert came["unknown"]["class"] == "NotFoundError"
    assert (came["previous"]["class"], came["previous"]["code"], came["previous"]["param"]) == (
        "BadRequestError",
        "previous_response_not_found",
        "previous_response_id",
    )
    assert (came["tool"]["class"], came["tool"]["param"]) == ("BadRequestError", "tools.0.type")
    assert upstream.asked == []
