"""OpenAI's Agents SDK, on the Responses API, against a started server of the bundle."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from openai import OpenAI

from dinrail_sdk.testing import Asked, Say, Script, Spoken, ToolUse, Turn
from dinrail_sdk.testing.script import improvise

if TYPE_CHECKING:
    from conftest import Drive, Scripted

pytestmark = [pytest.mark.xdist_group("clients"), pytest.mark.frameworks]

QUESTION = "How is the weather in Oslo?"
COLD = Turn(script=Spoken.of("It is cold in Oslo."))


def calls(name: str, **arguments: Any) -> Turn:
    use = ToolUse(name=name, arguments=json.dumps(arguments), id="call_1")
    return Turn(script=Spoken(choices=(Say(text=None, calls=(use,), finish="tool_calls"),)))


@pytest.fixture
def ask(drive: Drive) -> Drive:
    return partial(drive, "agents_cases.py")


def said(upstream: Scripted) -> list[tuple[str, str]]:
    """What the newest request told the model."""
    return [(message.role, message.text) for message in upstream.asked[-1].messages]


@pytest.mark.parametrize("case", ["tools", "socket"])
def test_functions_are_run_and_their_results_fed_back(ask: Drive, upstream: Scripted, case: str) -> None:
    upstream.then(calls("weather", place="Oslo"), COLD)
    assert ask(case) == {
        "answer": "It is cold in Oslo.",
        "asked": ["Oslo"],
        "items": ["tool_call_item", "tool_call_output_item", "message_output_item"],
    }
    assert said(upstream) == [
        ("system", "Be brief."),
        ("user", QUESTION),
        ("assistant", ""),
        ("tool", "-3 degrees in Oslo"),
    ]


def test_a_run_is_streamed(ask: Drive, upstream: Scripted) -> None:
    upstream.then(calls("weather", place="Oslo"), COLD)
    assert ask("stream") == {
        "answer": "It is cold in Oslo.",
        "deltas": "It is cold in Oslo.",
        "told": ["tool_called", "tool_output", "message_output_created"],
    }


def test_an_agent_hands_over_to_another(ask: Drive, upstream: Scripted) -> None:
    upstream.then(calls("transfer_to_meteorologist"), COLD)
    assert ask("handoff") == {
        "answer": "It is cold in Oslo.",
        "last": "Meteorologist",
        "items": ["handoff_call_item", "handoff_output_item", "message_output_item"],
    }
    assert said(upstream)[0] == ("system", "Say how it is.")


def test_an_answer_is_parsed_by_a_type(ask: Drive, upstream: Scripted) -> None:
    report = {"place": "Oslo", "degrees": -3.5}
    upstream.says(Spoken.of(json.dumps(report)))
    assert ask("structured") == report
    assert upstream.asked[-1].schema is not None


def test_a_run_goes_on_from_a_response(ask: Drive, upstream: Scripted) -> None:
    assert ask("chain") == "You said: two"
    assert said(upstream)[1:] == [("user", "one"), ("assistant", "You said: one"), ("user", "two")]


def test_a_session_is_a_conversation(ask: Drive, upstream: Scripted) -> None:
    assert ask("session") == ["user", "assistant", "user", "assistant"]
    assert said(upstream)[1:] == [("user", "one"), ("assistant", "You said: one"), ("user", "two")]


def search(asked: Asked) -> Script:
    """Search once, and say what was found; texts have vectors of their own."""
    if asked.api != "chat":
        return improvise(asked, asked.model)
    if asked.messages[-1].role == "tool":
        return Spoken.of("At new moon." if "new moon" in asked.messages[-1].text else asked.messages[-1].text)
    use = ToolUse(name="file_search", arguments='{"query": "tide"}', id="call_1")
    return Spoken(choices=(Say(text=None, calls=(use,), finish="tool_calls"),))


def test_stores_are_searched_on_the_server(ask: Drive, upstream: Scripted, client: OpenAI) -> None:
    store = client.vector_stores.create(name="facts")
    text = "The tide is highest at new moon."
    added = client.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=("tides.txt", text.encode()))
    assert added.status == "completed"
    upstream.says(search)
    assert ask("file_search", store.id) == {"answer": "At new moon.", "found": [["tides.txt", text]]}


def add(asked: Asked) -> Script:
    """Call the one tool, and say what came of it."""
    if asked.messages[-1].role == "tool":
        return Spoken.of(f"It is {asked.messages[-1].text}.")
    (tool,) = asked.tools
    use = ToolUse(name=tool.name, arguments='{"a": 2, "b": 3}', id="call_1")
    return Spoken(choices=(Say(text=None, calls=(use,), finish="tool_calls"),))


def test_tools_of_an_mcp_server_are_called_on_the_server(ask: Drive, upstream: Scripted, tools_server: str) -> None:
    upstream.says(add)
    assert ask("mcp", tools_server) == {"answer": "It is 5.", "call": ["sums", "add", "5"]}


def test_calls_of_an_mcp_server_wait_for_approval(ask: Drive, upstream: Scripted, tools_server: str) -> None:
    upstream.says(add)
    came = ask("approval", tools_server)
    assert (came["answer"], came["asked"]) == ("It is 5.", ["add"])
    assert "mcp_approval_request_item" in came["items"]
