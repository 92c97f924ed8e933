"""LangChain, on the Responses API, against a started server of the bundle."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest

from dinrail_sdk.testing import Say, Spoken, ToolUse, Turn

if TYPE_CHECKING:
    from conftest import Drive, Scripted

pytestmark = [pytest.mark.xdist_group("clients"), pytest.mark.frameworks]

QUESTION = "How is the weather in Oslo?"
USE = ToolUse(name="weather", arguments='{"place": "Oslo"}', id="call_1")
CALLS = Turn(script=Spoken(choices=(Say(text=None, calls=(USE,), finish="tool_calls"),)))
COLD = Spoken.of("It is cold in Oslo.")


@pytest.fixture
def ask(drive: Drive) -> Drive:
    return partial(drive, "langchain_cases.py")


def said(upstream: Scripted) -> list[tuple[str, str]]:
    """What the newest request told the model."""
    return [(message.role, message.text) for message in upstream.asked[-1].messages]


def test_a_chat_is_answered_whole_and_streamed(ask: Drive, upstream: Scripted) -> None:
    upstream.says(COLD)
    assert ask("invoke") == {"text": "It is cold in Oslo.", "tokens": 18}
    assert said(upstream) == [("system", "Be brief."), ("user", QUESTION)]
    assert ask("stream") == {"text": "It is cold in Oslo.", "tokens": 18, "several": True}


def test_a_tool_is_called_and_the_chat_goes_on_from_its_response(ask: Drive, upstream: Scripted) -> None:
    upstream.then(CALLS, Turn(script=COLD))
    assert ask("tools") == {"call": ["weather", {"place": "Oslo"}], "answer": "It is cold in Oslo."}
    assert said(upstream) == [("user", QUESTION), ("assistant", ""), ("tool", "-3 degrees")]


def test_an_agent_runs_its_tools(ask: Drive, upstream: Scripted) -> None:
    upstream.then(CALLS, Turn(script=COLD))
    assert ask("agent") == {"answer": "It is cold in Oslo.", "asked": ["Oslo"]}
    assert said(upstream)[-1] == ("tool", "-3 degrees in Oslo")


def test_an_answer_is_parsed_by_a_type(ask: Drive, upstream: Scripted) -> None:
    report = {"place": "Oslo", "degrees": -3.5}
    upstream.says(Spoken.of(json.dumps(report)))
    assert ask("structured") == report
    assert upstream.asked[-1].schema is not None


def test_encrypted_thoughts_go_round(ask: Drive, upstream: Scripted) -> None:
    thought = Spoken(choices=(Say(reasoning="It is winter.", text="Cold."),))
    upstream.then(Turn(script=thought), Turn(script=Spoken.of("Yes.")))
    assert ask("thoughts") == {"kinds": ["reasoning", "text"], "answer": "Yes."}
    assert said(upstream) == [("user", QUESTION), ("assistant", "Cold."), ("user", "Sure?")]
