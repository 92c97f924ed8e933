"""Chat needs no database: none is loaded for it, and one that is down does not keep it from being answered."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp

from dinrail_sdk.testing import OPENAI, FakeUpstream, serve
from dinrail_sdk.testing.databases import PostgreSQL

CHAT = {"model": "one/kit-model", "messages": [{"role": "user", "content": "Hello"}]}

PROGRAM = """
import json, sys
from dinrail_core.cli import main

code = main(sys.argv[2:])
open(sys.argv[1], "w").write(json.dumps(sorted(sys.modules)))
sys.exit(code)
"""


async def test_a_server_that_serves_chat_alone_has_loaded_no_orm(tmp_path: Path) -> None:
    """The program as a process, with everything that is installed here."""
    async with FakeUpstream.open(OPENAI) as upstream:
        config = tmp_path / "dinrail.toml"
        config.write_text(
            f'data_dir = "{tmp_path / "data"}"\n[plugins]\ndisable = ["llamacpp", "onnx-embeddings"]\n'
            f'[providers.one]\ntype = "openai-compatible"\nbase_url = "{upstream.url}"\n'
        )
        program = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PROGRAM,
            str(tmp_path / "modules.json"),
            *("serve", "--port", "0", "--config", str(config)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if not name.startswith("DINRAIL_")},
        )
        try:
            assert program.stdout is not None
            async with asyncio.timeout(60):
                while b"http://" not in (line := await program.stdout.readline()):
                    assert line, "it has not started"
            url = line[line.index(b"http://") :].split()[0].decode().rstrip("/").removesuffix("/v1")
            async with aiohttp.ClientSession() as client:
                async with client.post(f"{url}/v1/chat/completions", json=CHAT) as answer:
                    assert answer.status == 200
                for path in ("/v1/models", "/readyz", "/openapi.json", "/v1/providers"):
                    async with client.get(url + path) as answer:
                        assert answer.status == 200
            program.send_signal(signal.SIGTERM)
            async with asyncio.timeout(60):
                await program.communicate()
        finally:
            if program.returncode is None:
                program.kill()
                await program.wait()
    loaded = {name.partition(".")[0] for name in json.loads((tmp_path / "modules.json").read_text())}
    assert "aiohttp" in loaded
    assert not loaded & {"sqlalchemy", "alembic", "asyncpg", "greenlet", "mako"}
    assert not (tmp_path / "data/services").exists()


async def ask(client: aiohttp.ClientSession, path: str, body: Any = None) -> tuple[int, float, str | None]:
    begun = time.monotonic()
    async with client.request("GET" if body is None else "POST", path, json=body) as answer:
        await answer.read()
        return answer.status, time.monotonic() - begun, answer.headers.get("Retry-After")


async def test_while_postgresql_is_down_chat_is_served_and_what_needs_it_is_a_503(
    own_postgresql: PostgreSQL, tmp_path: Path
) -> None:
    async with FakeUpstream.open(OPENAI) as upstream:
        config = {
            "data_dir": str(tmp_path),
            "providers": {"one": {"type": "openai-compatible", "base_url": upstream.url}},
            "services": {"database": {"url": own_postgresql.create()}},
        }
        plugins = ["database", "prompts", "openai-compatible"]
        async with (
            serve(plugins=plugins, config=config) as served,
            aiohttp.ClientSession(f"{served.url}/") as client,
        ):
            kept = {"prompt": "x"}
            assert (await ask(client, "prompts", kept))[0] == 200
            await asyncio.to_thread(own_postgresql.stop)
            for path, body in (("prompts", None), ("prompts", kept), ("prompts/pmpt_1", None)):
                status, seconds, retry_after = await ask(client, path, body)
                assert (status, seconds < 2, retry_after) == (503, True, "1")
            for _ in range(5):
                assert (await ask(client, "chat/completions", CHAT))[0] == 200
            await asyncio.to_thread(own_postgresql.start)
            back = time.monotonic()
            while (await ask(client, "prompts"))[0] != 200:
                assert time.monotonic() - back < 5
                await asyncio.sleep(0.05)
            assert (await ask(client, "prompts", kept))[0] == 200
