"""The server as a process that can be killed, and a model server that counts."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from desk import completion

__all__ = ["SLOTS", "ModelServer", "Process", "model_server", "write_configuration"]

SLOTS = 4
_START_LIMIT = 60.0


@dataclass
class ModelServer:
    """A model server.

    Attributes:
        seconds: How long it takes.
        asked: How often each text has been asked.
        url: Where it is.
    """

    seconds: float
    asked: Counter[str] = field(default_factory=Counter)
    url: str = ""
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def repeated(self) -> int:
        """How many requests were no first ones."""
        return self.asked.total() - len(self.asked)

    async def until(self, requests: int) -> None:
        """Wait until so many requests have come."""
        async with asyncio.timeout(_START_LIMIT):
            while self.asked.total() < requests:
                self._more.clear()
                await self._more.wait()

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a chat."""
        asked = json.loads(await request.read())
        self.asked[asked["messages"][-1]["content"]] += 1
        self._more.set()
        await asyncio.sleep(self.seconds)
        return web.Response(body=completion("ok"), content_type="application/json")


@asynccontextmanager
async def model_server(seconds: float) -> AsyncIterator[ModelServer]:
    """One that listens until the block is left."""
    model = ModelServer(seconds)
    app = web.Application()
    app.router.add_post("/v1/chat/completions", model.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    model.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield model
    finally:
        await runner.cleanup()


def write_configuration(folder: Path, upstream: str, services: Mapping[str, Mapping[str, Any]]) -> None:
    """The file that :class:`Process` serves from."""
    lines = [f'data_dir = "{folder}"', "[server]", "port = 0", "access_log = false"]
    lines += ["[providers.up]", 'type = "openai-compatible"', f'base_url = "{upstream}"', 'models = ["kit"]']
    for name, keys in services.items():
        lines += [f"[services.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
    (folder / "dinrail.toml").write_text("\n".join(lines))


class Process:
    """``dinrail serve``.

    Args:
        folder: Where its configuration is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self.url = ""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it, and wait until it says where it listens."""
        with (self._folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                str(Path(sys.executable).with_name("dinrail")),
                "serve",
                "--config",
                str(self._folder / "dinrail.toml"),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={name: value for name, value in os.environ.items() if not name.startswith("DINRAIL_")},
                start_new_session=True,
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(_START_LIMIT):
            async for line in self._process.stdout:
                match = re.search(rb"http://127\.0\.0\.1:\d+(?:/v1)?", line)
                if match is not None:
                    self.url = f"{match[0].decode().removesuffix('/v1')}/v1"
                    return
        raise RuntimeError(f"The server does not start:\n{(self._folder / 'log').read_text()[-4000:]}")

    async def end(self, how: signal.Signals) -> int:
        """Send a signal, and return with what code it has ended."""
        process, self._process = self._process, None
        assert process is not None
        process.send_signal(how)
        async with asyncio.timeout(_START_LIMIT):
            await process.communicate()
        assert process.returncode is not None
        return process.returncode

    def memory(self, what: str = "VmRSS") -> int:
        """Bytes that are resident (``VmRSS``), or were at most (``VmHWM``)."""
        match = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert match is not None
        return int(match[1]) * 1024

    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
