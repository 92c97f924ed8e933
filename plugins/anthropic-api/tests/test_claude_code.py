"""Claude Code against the real server, where somebody has installed it and wants that.

``CLAUDE_CODE=…/node_modules/.bin/claude`` in the environment names the program (npm: ``@anthropic-ai/claude-code``).
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from dinrail_sdk.testing import OPENAI, FakeUpstream, Spoken, serve

PROGRAM = os.environ.get("CLAUDE_CODE")
QUIET = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1", "DISABLE_TELEMETRY": "1"}


@pytest.mark.skipif(PROGRAM is None, reason="CLAUDE CODE IS NOT TRIED: name its program in CLAUDE_CODE")
async def test_claude_code_talks_to_a_model_of_ours(tmp_path: Path) -> None:
    assert PROGRAM is not None
    async with FakeUpstream.open(OPENAI) as upstream:
        upstream.says(Spoken.of("The answer of the kit."))
        provider = {"type": "openai-compatible", "base_url": upstream.url, "models": [upstream.model]}
        config = {"providers": {"up": provider}, "plugins": {"enable": ["anthropic-api"]}}
        async with serve(plugins=["openai-compatible", "anthropic-api"], config=config) as served:
            environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **QUIET}
            environment |= {"ANTHROPIC_BASE_URL": served.origin, "ANTHROPIC_AUTH_TOKEN": "none"}
            asked = ("-p", "Say something.", "--model", "up/kit-model", "--output-format", "json")
            process = await asyncio.create_subprocess_exec(
                PROGRAM,
                *asked,
                env=environment,
                cwd=tmp_path,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
            )
            try:
                async with asyncio.timeout(90):
                    said, _ = await process.communicate()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        result = json.loads(said)
        assert (result["is_error"], result["result"]) == (False, "The answer of the kit.")
        assert any(message.text for message in upstream.asked.messages)
