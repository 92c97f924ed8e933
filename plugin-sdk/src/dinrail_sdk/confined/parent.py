"""The server's side of confined work."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from dinrail_sdk.confined.faults import ConfinedFault

__all__ = ["Confined", "Limits"]

_CALLS = 200
"""Calls after which a child is replaced: what libraries leave behind in memory does not grow for ever."""
_IDLE = 30.0
"""Seconds without a call after which a child is let go."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may use.

    Attributes:
        cpu_seconds: Seconds of CPU time.
        seconds: Seconds on the clock.
        memory: Bytes of address space of the process.
        output: Bytes of the answer, as JSON.
        file_size: Bytes of a file that it writes.
    """

    cpu_seconds: int = 60
    seconds: float = 180.0
    memory: int = 2 * 1024**3
    output: int = 256 * 1024**2
    file_size: int = 256 * 1024**2


@dataclass(eq=False, slots=True)
class _Child:
    process: asyncio.subprocess.Process
    calls: int = 0
    idle_since: float = 0.0


class Confined:
    """Calls functions of a module in child processes that are kept for the next call.

    Args:
        module: The module's name. Its functions take and return what JSON can say, and raise :class:`ConfinedFault`.
        limits: What each call may use.
        processes: How many calls are done at once; others wait.
    """

    def __init__(self, module: str, limits: Limits, processes: int = 1) -> None:
        self._module = module
        self._limits = limits
        self._turns = asyncio.Semaphore(processes)
        self._idle: list[_Child] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let calls be made until the block is left; children are started by the first of them."""
        keeper = asyncio.create_task(self._let_go(), name=f"children for {self._module}")
        try:
            yield
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper
            while self._idle:
                await _end(self._idle.pop())

    async def call(self, function: str, arguments: Mapping[str, Any]) -> Any:
        """Call a function.

        Args:
            function: Its name.
            arguments: Its arguments by name; JSON. Large input is a file of which the path is named.

        Raises:
            ConfinedFault: It did not succeed, or a limit ended it.
        """
        async with self._turns:
            child = self._idle.pop() if self._idle else await self._start()
            try:
                answer = await self._ask(child, function, arguments)
            except BaseException:
                await _end(child)
                raise
            child.calls += 1
            child.idle_since = time.monotonic()
            if child.calls < _CALLS and "fault" not in answer:
                self._idle.append(child)
            else:
                await _end(child)
        if "fault" in answer:
            raise ConfinedFault(*answer["fault"])
        return answer["result"]

    async def _ask(self, child: _Child, function: str, arguments: Mapping[str, Any]) -> Any:
        streams = child.process.stdin, child.process.stdout
        assert streams[0] is not None
        assert streams[1] is not None
        call = json.dumps({"function": function, "arguments": arguments, "cpu": self._limits.cpu_seconds}).encode()
        try:
            async with asyncio.timeout(self._limits.seconds):
                streams[0].write(len(call).to_bytes(4, "big") + call)
                await streams[0].drain()
                length = int.from_bytes(await streams[1].readexactly(4), "big")
                if length > self._limits.output:
                    raise ConfinedFault("limit_exceeded", "It holds more text than is allowed.")
                return json.loads(await streams[1].readexactly(length))
        except TimeoutError:
            raise ConfinedFault("limit_exceeded", "It takes longer than is allowed.") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise _death(await child.process.wait()) from None

    async def _start(self) -> _Child:
        limits = json.dumps({"memory": self._limits.memory, "file_size": self._limits.file_size})
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "dinrail_sdk.confined.child", self._module, limits),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=2**20,
        )
        return _Child(process)

    async def _let_go(self) -> None:
        while True:
            await asyncio.sleep(_IDLE / 2)
            over = [child for child in self._idle if child.idle_since < time.monotonic() - _IDLE]
            for child in over:
                self._idle.remove(child)
            for child in over:
                await _end(child)


def _death(code: int) -> ConfinedFault:
    """What it means that a child is gone."""
    if code == -signal.SIGXCPU:
        return ConfinedFault("limit_exceeded", "It takes more computing time than is allowed.")
    if code in (-signal.SIGKILL, -signal.SIGXFSZ):
        return ConfinedFault("limit_exceeded", "It needs more memory than is allowed.")
    return ConfinedFault("failed", "It cannot be read: the program that reads it broke.")


async def _end(child: _Child) -> None:
    """End a child; one that waits for a call has nothing to lose."""
    with suppress(ProcessLookupError):
        child.process.kill()
    # In spite of a cancelled caller: a child must not be left behind.
    await asyncio.shield(asyncio.ensure_future(child.process.wait()))
    if child.process.stdin is not None:
        child.process.stdin.close()
