"""One run of the child process, from its start to its end, however that comes about."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from pydantic import HttpUrl, SecretStr

from dinrail_core.api.call import Call
from dinrail_core.errors import DinrailError, UpstreamTimeout, UpstreamUnavailable
from dinrail_llamacpp.child import ChildSettings
from dinrail_llamacpp.found import LocalModel
from dinrail_llamacpp.logs import LogKeeper
from dinrail_sdk.upstream import Upstream, UpstreamConfig, connect

__all__ = ["Address", "Limits", "Run", "reached", "settings_for"]

_logger = logging.getLogger("dinrail.llamacpp")

_GRACE = 1.0
_HEALTH_TRIES = 20


@dataclass(frozen=True, slots=True)
class Address:
    """Where a child answers, and with which key."""

    url: str
    key: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: for loading a model, and for one request."""

    start: float
    request: float


def settings_for(model: LocalModel) -> ChildSettings:
    """What a child is told about a model, with a new key."""
    config = model.config
    return ChildSettings(
        parent=os.getpid(),
        api_key=secrets.token_urlsafe(32),
        name=model.name,
        file=str(model.file),
        context=config.context,
        parallel=config.parallel,
        threads=config.threads or max(1, (os.cpu_count() or 1) - 1),
        gpu_layers=config.gpu_layers,
        chat_template=config.chat_template,
        embedding=config.embedding,
        pooling=config.pooling,
    )


@asynccontextmanager
async def reached(address: Address, limits: Limits) -> AsyncIterator[Upstream]:
    """A client of a child.

    A first byte may take as long as the whole answer, since an answer that is not streamed comes at its end. One more
    try is for connections that llama.cpp has closed while nobody used them.
    """
    config = UpstreamConfig(
        base_url=HttpUrl(f"{address.url}/v1"),
        api_key=SecretStr(address.key),
        first_byte_timeout=limits.request,
        idle_timeout=limits.request,
        total_timeout=limits.request,
        max_retries=1,
    )
    async with connect(config) as upstream:
        yield upstream


class Run:
    """A child that is started at once, and its end.

    Args:
        settings: What it is told.
        log: Takes what it prints.
        limits: How long things may take.
        ready: Called once it answers.
        ended: Called once it is over, with whether that was wanted.
    """

    def __init__(
        self,
        settings: ChildSettings,
        log: LogKeeper,
        limits: Limits,
        ready: Callable[[Address], None],
        ended: Callable[[bool], None],
    ) -> None:
        self._settings = settings
        self._log = log
        self._limits = limits
        self._tell_ready = ready
        self._tell_ended = ended
        self._stopping = asyncio.Event()
        self._ready: asyncio.Future[Upstream] = asyncio.get_running_loop().create_future()
        # Whoever waits gets the error; where nobody waits any more, nobody misses it.
        self._ready.add_done_callback(lambda ready: ready.cancelled() or ready.exception())
        self.over = asyncio.Event()
        self.process: Process | None = None
        self._task = asyncio.create_task(self._live(), name=f"llamacpp {settings.name}")

    async def upstream(self, call: Call) -> Upstream:
        """Wait until it answers; any number may wait, and one that gives up does not stop the start.

        Raises:
            UpstreamUnavailable: It did not start.
            UpstreamTimeout: The call's time is up before.
        """
        try:
            async with asyncio.timeout(call.remaining()):
                return await asyncio.shield(self._ready)
        except TimeoutError:
            raise UpstreamTimeout("The model is still being loaded.") from None

    async def close(self) -> None:
        """End it, and wait until it is gone."""
        self._stopping.set()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _live(self) -> None:
        try:
            await self._run()
        except DinrailError as error:
            if not self._ready.done():
                self._ready.set_exception(error)
        except Exception as error:  # a task of ours: whatever it was, those who wait must learn of it
            _logger.exception("The process of the model %s could not be watched", self._settings.name)
            if not self._ready.done():
                self._ready.set_exception(UpstreamUnavailable(f"The model's process failed ({type(error).__name__})."))
        finally:
            if not self._ready.done():
                self._ready.set_exception(UpstreamUnavailable("The model's process was stopped."))
            self.over.set()
            self._tell_ended(self._stopping.is_set())

    async def _run(self) -> None:
        process = self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "dinrail_llamacpp.child",
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            # Ctrl-C is for the server, which then ends its children in order.
            start_new_session=True,
        )
        assert process.stderr is not None
        log = asyncio.create_task(self._log.follow(process.stderr), name=f"llamacpp log {self._settings.name}")
        try:
            address = await self._greet(process)
            async with reached(address, self._limits) as upstream:
                await self._see_healthy(upstream)
                self._tell_ready(address)
                _logger.info("The model %s is loaded (process %d)", self._settings.name, process.pid)
                self._ready.set_result(upstream)
                await self._until_the_end(process)
        finally:
            await _end(process)
            await log
            if not self._stopping.is_set():
                _logger.warning("The process of the model %s ended with %s", self._settings.name, process.returncode)

    async def _greet(self, process: Process) -> Address:
        """Tell it what to do and wait for its address, unless it is to be stopped."""
        assert process.stdin is not None
        assert process.stdout is not None
        greeting = asyncio.create_task(self._exchange(process.stdin, process.stdout))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({greeting, stopping}, timeout=self._limits.start, return_when=asyncio.FIRST_COMPLETED)
            if not greeting.done():
                why = "was stopped" if stopping.done() else f"was not loaded within {self._limits.start:g} s"
                raise UpstreamUnavailable(f"The model {why}.")
            line = greeting.result()
        finally:
            greeting.cancel()
            stopping.cancel()
            await asyncio.gather(greeting, stopping, return_exceptions=True)
        if not line:
            await _end(process)
            raise UpstreamUnavailable(f"The model could not be loaded{self._cause()}.")
        return Address(json.loads(line)["address"], self._settings.api_key)

    async def _exchange(self, stdin: asyncio.StreamWriter, stdout: asyncio.StreamReader) -> bytes:
        with suppress(ConnectionError):  # it has ended already, which its silence tells
            stdin.write(self._settings.encode())
            await stdin.drain()
        return await stdout.readline()

    async def _see_healthy(self, upstream: Upstream) -> None:
        for number in range(_HEALTH_TRIES):
            try:
                await upstream.get("/health", Call())
            except DinrailError:
                if number == _HEALTH_TRIES - 1:
                    raise
                await asyncio.sleep(0.05)
            else:
                return

    async def _until_the_end(self, process: Process) -> None:
        waits = {asyncio.create_task(process.wait()), asyncio.create_task(self._stopping.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _cause(self) -> str:
        """What llama.cpp said last, without the folder that the file is in."""
        said = self._log.cause()
        if not said:
            return ""
        file = self._settings.file
        return f" ({said.replace(file, os.path.basename(file))})"


async def _end(process: Process) -> None:
    """End a process, kindly for a second."""
    if process.returncode is None:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_GRACE):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
