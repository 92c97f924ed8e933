"""The Vercel AI SDK, on the Responses API, against a started server of the bundle."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest

from dinrail_sdk.testing import Say, Spoken, ToolUse, Turn

if TYPE_CHECKING:
    from conftest import Drive, Scripted

pytestmark = [pytest.mark.xdist_group("clients"), pytest.mark.frameworks]

USE = ToolUse(name="weather", arguments='{"place": "Oslo"}', id="call_1")
CALLS = Turn(script=Spoken(choices=(Say(text=None, calls=(USE,), finish="tool_calls"),)))
COLD = Spoken.of("It is cold in Oslo.")


@pytest.fixture
def ask(drive: Drive) -> Drive:
    return partial(drive, "vercel.mjs")


def said(upstream: Scripted) -> list[tuple[str, str]]:
    """What the newest request told the model."""
    return [(message.role, message.text) for message in upstream.asked[-1].messages]


def test_text_is_generated_and_streamed(ask: Drive, upstream: Scripted) -> None:
    upstream.says(COLD)
    assert ask("text") == {"text": "It is cold in Oslo.", "tokens": 18, "finishReason": "stop"}
    assert said(upstream)[0] == ("system", "Be brief.")
    assert ask("stream") == {"text": "It is cold in Oslo.", "several": True, "finishReason": "stop"}


def test_tools_are_run_and_their_results_fed_back(ask: Drive, upstream: Scripted) -> None:
    upstream.then(CALLS, Turn(script=COLD))
    assert ask("tools") == {"text": "It is cold in Oslo.", "asked": ["Oslo"], "steps": 2}
    assert said(upstream)[-1] == ("tool", "-3 degrees in Oslo")


def test_tools_are_run_in_a_stream(ask: Drive, upstream: Scripted) -> None:
    upstream.then(CALLS, Turn(script=COLD))
    assert ask("streamedTools") == {
        "text": "It is cold in Oslo.",
        "asked": ["Oslo"],
        "results": True,
        "failed": False,
    }


def test_objects_follow_a_schema(ask: Drive, upstream: Scripted) -> None:
    report = {"place": "Oslo", "degrees": -3.5}
    upstream.says(Spoken.of(json.dumps(report)))
    assert ask("object") == {"object": report, "output": report}
    assert upstream.asked[-1].schema is not None


def test_a_text_goes_on_from_a_response(ask: Drive, upstream: Scripted) -> None:
    assert ask("chain") == "You said: two"
    assert said(upstream) == [("user", "one"), ("assistant", "You said: one"), ("user", "two")]


def test_a_model_that_is_not_there_is_told(ask: Drive, upstream: Scripted) -> None:
    came = ask("failure")
    assert came["status"] == 404
    assert "none" in came["message"]
