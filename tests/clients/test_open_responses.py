"""The compliance suite of Open Responses, which is no part of this tree, against a started server of the bundle.

``OPEN_RESPONSES_SUITE`` names a folder with its repository and what it needs (``bun`` and ``zod`` from npm are enough).
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dinrail_sdk.testing import Asked, Say, Script, Spoken, ToolUse

if TYPE_CHECKING:
    from conftest import Scripted, Server

pytestmark = [pytest.mark.xdist_group("clients"), pytest.mark.frameworks]

MODEL = "up/org/kit-model"


def obliging(asked: Asked) -> Script:
    """Call a tool where there is one, and speak otherwise."""
    if not asked.tools or asked.messages[-1].role == "tool":
        return Spoken.of("Hello there, friend.")
    use = ToolUse(name=asked.tools[0].name, arguments='{"location": "San Francisco, CA"}', id="call_1")
    return Spoken(choices=(Say(text=None, calls=(use,), finish="tool_calls"),))


def test_every_test_of_the_suite_passes(server: Server, upstream: Scripted) -> None:
    folder = os.environ.get("OPEN_RESPONSES_SUITE")
    if folder is None:
        pytest.skip("THE COMPLIANCE SUITE IS NOT RUN: OPEN_RESPONSES_SUITE does not say where it is")
    bun = Path(folder) / "node_modules" / ".bin" / "bun"
    upstream.says(obliging)
    command = [str(bun), "run", "bin/compliance-test.ts", "--json", "--api-key", "none"]
    done = subprocess.run(
        [*command, "--base-url", server.url, "--model", MODEL],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    results = json.loads(done.stdout)["results"]
    assert {result["name"]: result["errors"] for result in results if result["status"] != "passed"} == {}
    assert len(results) >= 17
    assert done.returncode == 0
