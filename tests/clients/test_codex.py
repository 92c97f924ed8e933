"""Codex, as a program, against a started server of the bundle: a turn in which a command is run."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dinrail_sdk.testing import Asked, Say, Script, Spoken, ToolUse

if TYPE_CHECKING:
    from conftest import Scripted, Server

pytestmark = [pytest.mark.xdist_group("clients"), pytest.mark.frameworks]

CONFIGURATION = """\
model = "up/org/kit-model"
model_provider = "dinrail"
check_for_update_on_startup = false

[analytics]
enabled = false

[model_providers.dinrail]
name = "Dinrail"
base_url = "{url}"
wire_api = "responses"
env_key = "DINRAIL_KEY"
supports_websockets = {sockets}
request_max_retries = 0
stream_max_retries = 0
"""


def prints(asked: Asked) -> Script:
    """Have a command run, and say what it printed."""
    told = asked.messages[-1]
    if told.role == "tool":
        return Spoken.of("It prints 42." if "42" in told.text else told.text)
    use = ToolUse(name="exec_command", arguments=json.dumps({"cmd": "echo $((6 * 7))"}), id="call_1")
    return Spoken(choices=(Say(text=None, calls=(use,), finish="tool_calls"),))


Codex = Callable[..., Sequence[dict[str, Any]]]


@pytest.fixture
def codex(frameworks: Path, outside: dict[str, str], tmp_path: Path) -> Codex:
    """Runs it, and returns the events that it tells."""
    program = frameworks / "node_modules" / ".bin" / "codex"
    env = outside | {"CODEX_HOME": str(tmp_path), "DINRAIL_KEY": "sk-of-the-caller"}

    def codex(*arguments: str) -> Sequence[dict[str, Any]]:
        done = subprocess.run(
            [program, "exec", "--json", "--skip-git-repo-check", *arguments],
            cwd=tmp_path,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    return codex


@pytest.mark.parametrize("sockets", ["false", "true"])
def test_a_turn_runs_a_command_and_is_gone_on_with(
    codex: Codex, server: Server, upstream: Scripted, tmp_path: Path, sockets: str
) -> None:
    (tmp_path / "config.toml").write_text(CONFIGURATION.format(url=server.url, sockets=sockets))
    upstream.says(prints)
    # It sees to its own sandbox where the kernel lets it; what is run here is one `echo`.
    events = codex("--dangerously-bypass-approvals-and-sandbox", "What is six times seven?")
    ended = [event["item"] for event in events if event["type"] == "item.completed"]
    assert [item["text"] for item in ended if item["type"] == "agent_message"] == ["It prints 42."]
    assert [item["exit_code"] for item in ended if item["type"] == "command_execution"] == [0]
    assert events[-1]["type"] == "turn.completed"
    assert events[-1]["usage"]["input_tokens"] > 0
    assert len(upstream.asked) == 2
    upstream.says(Spoken.of("Still 42."))
    again = codex("resume", "--last", "And now?")
    assert "Still 42." in [event["item"].get("text") for event in again if event["type"] == "item.completed"]
    assert "It prints 42." in [message.text for message in upstream.asked[-1].messages]
