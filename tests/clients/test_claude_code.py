"""Claude Code, as a program, against a started server: Anthropic's dialect over a model of OpenAI's."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dinrail_sdk.testing import Asked, Say, Script, Spoken, ToolUse

if TYPE_CHECKING:
    from conftest import Scripted, Server

pytestmark = [pytest.mark.xdist_group("clients"), pytest.mark.frameworks]

QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
}


def runs_a_command(asked: Asked) -> Script:
    """Have a command run, and say what it printed."""
    told = asked.messages[-1]
    if told.role == "tool":
        return Spoken.of("It prints 42." if "42" in told.text else told.text)
    if not any(tool.name == "Bash" for tool in asked.tools):
        return Spoken.of("Six times seven")  # it asks for a title besides
    command = {"command": "echo $((6 * 7))", "description": "Reckon"}
    use = ToolUse(name="Bash", arguments=json.dumps(command), id="call_1")
    return Spoken(choices=(Say(text="Let me reckon.", calls=(use,), finish="tool_calls"),))


Claude = Callable[..., Mapping[str, Any]]


@pytest.fixture
def claude(frameworks: Path, server: Server, outside: dict[str, str], tmp_path: Path) -> Claude:
    """Runs it, and returns what it prints at the end."""
    program = frameworks / "node_modules" / ".bin" / "claude"
    address = server.url.removesuffix("/v1")
    env = outside | QUIET | {"ANTHROPIC_BASE_URL": address, "ANTHROPIC_AUTH_TOKEN": "sk-of-the-caller"}

    def claude(question: str, *arguments: str) -> Mapping[str, Any]:
        done = subprocess.run(
            [program, "-p", question, "--model", "up/org/kit-model", "--output-format", "json", *arguments],
            cwd=tmp_path,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.stdout, done.stderr
        found: Mapping[str, Any] = json.loads(done.stdout)
        return found

    return claude


def test_a_question_is_answered(claude: Claude, upstream: Scripted) -> None:
    upstream.says(Spoken.of("The answer of the kit. 🌍"))
    result = claude("Say something.")
    assert (result["is_error"], result["result"]) == (False, "The answer of the kit. 🌍")
    assert result["usage"]["output_tokens"] > 0
    asked = upstream.asked[-1]
    assert asked.model == "org/kit-model"
    assert asked.messages[0].role == "system"
    assert "Say something." in "".join(message.text for message in asked.messages)


def test_a_turn_runs_a_command_and_is_gone_on_with(claude: Claude, upstream: Scripted) -> None:
    upstream.says(runs_a_command)
    result = claude("What is six times seven?", "--allowedTools", "Bash(echo:*)")
    assert (result["is_error"], result["result"]) == (False, "It prints 42.")
    assert result["num_turns"] == 2
    upstream.says(Spoken.of("Still 42."))
    again = claude("And now?", "--resume", result["session_id"])
    assert again["result"] == "Still 42."
    assert "It prints 42." in "".join(message.text for message in upstream.asked[-1].messages)
