"""pydantic-ai, on the Responses API, against a started server of the bundle."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest

from dinrail_sdk.testing import Say, Spoken, ToolUse, Turn

if TYPE_CHECKING:
    from conftest import Drive, Scripted

pytestmark = [pytest.mark.xdist_group("clients"), pytest.mark.frameworks]

REPORT = {"place": "Oslo", "degrees": -3.5}
COLD = Turn(script=Spoken.of("It is cold in Oslo."))


def calls(name: str, arguments: object) -> Turn:
    use = ToolUse(name=name, arguments=json.dumps(arguments), id="call_1")
    return Turn(script=Spoken(choices=(Say(text=None, calls=(use,), finish="tool_calls"),)))


@pytest.fixture
def ask(drive: Drive) -> Drive:
    return partial(drive, "pydantic_ai_cases.py")


def said(upstream: Scripted) -> list[tuple[str, str]]:
    """What the newest request told the model."""
    return [(message.role, message.text) for message in upstream.asked[-1].messages]


def test_an_agent_runs_its_tools(ask: Drive, upstream: Scripted) -> None:
    upstream.then(calls("weather", {"place": "Oslo"}), COLD)
    assert ask("tools") == {"answer": "It is cold in Oslo.", "asked": ["Oslo"], "tokens": True}
    assert said(upstream)[0] == ("system", "Be brief.")
    assert said(upstream)[-1] == ("tool", "-3 degrees in Oslo")


def test_an_agent_runs_its_tools_in_a_stream(ask: Drive, upstream: Scripted) -> None:
    upstream.then(calls("weather", {"place": "Oslo"}), COLD)
    assert ask("stream") == {"text": "It is cold in Oslo.", "several": True, "asked": ["Oslo"]}


def test_an_answer_follows_a_schema(ask: Drive, upstream: Scripted) -> None:
    upstream.says(Spoken.of(json.dumps(REPORT)))
    assert ask("native_output") == REPORT
    assert upstream.asked[-1].schema is not None


def test_an_answer_is_the_call_of_a_tool(ask: Drive, upstream: Scripted) -> None:
    upstream.then(calls("report", REPORT))
    assert ask("tool_output") == REPORT
    assert upstream.asked[-1].tool_choice in ("required", "=report")


def test_a_run_goes_on_from_a_response(ask: Drive, upstream: Scripted) -> None:
    assert ask("chain") == "You said: two"
    assert [text for role, text in said(upstream) if role != "system"] == ["one", "You said: one", "two"]
