"""Programs that speak MCP over their standard input and output."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dinrail_mcp.channel import ChannelDispatcher
from dinrail_mcp.failures import McpFailure, ServerGone
from dinrail_mcp.place import Changed, Limits

__all__ = ["Program", "StdioDispatcher"]

_INHERITED = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER")
"""Variables that every program is given; ours may hold keys."""
_GRACE = 2.0
"""Seconds that a program is given to end by itself, and again once it has been asked to."""
_LAST_WORDS = 2_000

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Program:
    """What is started; the values of ``env`` are secrets."""

    name: str
    command: str
    args: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path | None


class StdioDispatcher(ChannelDispatcher):
    """One session with a program of its own. Make one with :meth:`start`."""

    def __init__(self, process: asyncio.subprocess.Process, program: Program, limits: Limits, changed: Changed) -> None:
        super().__init__(changed, limits)
        self._process = process
        self._program = program
        self._words = b""
        self._leaving = False
        self._reading = [asyncio.ensure_future(self._read()), asyncio.ensure_future(self._listen())]

    @classmethod
    async def start(cls, program: Program, limits: Limits, changed: Changed) -> StdioDispatcher:
        """Start the program.

        Raises:
            McpFailure: It cannot be started.
        """
        variables = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        try:
            process = await asyncio.create_subprocess_exec(
                program.command,
                *program.args,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=variables | dict(program.env),
                cwd=program.cwd,
                limit=max(limits.result, limits.listing),
                start_new_session=True,
            )
        except OSError as error:
            _logger.warning("The MCP connector '%s' cannot be started: %s", program.name, error)
            raise McpFailure("The server cannot be started.") from error
        return cls(process, program, limits, changed)

    async def send(self, message: bytes) -> None:
        """See :meth:`ChannelDispatcher.send`."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(message + b"\n")
            await self._process.stdin.drain()
        except (OSError, RuntimeError) as error:
            raise ServerGone("The server has ended.") from error

    async def close(self) -> None:
        """End the program: its input ends, then it is asked to, then it is made to, with all that it has started."""
        self._leaving = True
        await super().close()
        process = self._process
        assert process.stdin is not None
        process.stdin.close()
        for signalled in (signal.SIGTERM, signal.SIGKILL):
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _GRACE)
                break
            self._signal(signalled)
        await process.wait()
        self._signal(signal.SIGKILL)  # what it has started and left behind
        await asyncio.wait(self._reading, timeout=_GRACE)
        for task in self._reading:
            task.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)
        with suppress(TimeoutError):
            # A pipe that was not read to its end stays open.
            await asyncio.wait_for(process.communicate(), _GRACE)
        if not self.spoken:
            self._report("it never spoke MCP.")

    def _report(self, why: str) -> None:
        words = self._words.decode("utf-8", "replace")
        _logger.warning("The MCP connector '%s' ended: %s It said: %s", self._program.name, why, words)

    def _signal(self, signalled: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signalled)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        why = McpFailure("The server has ended.")
        try:
            while line := await self._process.stdout.readline():
                if line.strip():
                    self.heard(line)
        except ValueError:
            why = McpFailure("The server wrote a message that is too large.")
        except McpFailure as error:
            why = error
        except OSError:
            pass
        finally:
            if self.spoken and not self._leaving:
                self._report(why.message)
            self.ended(why)

    async def _listen(self) -> None:
        """Keep the last of what it says to its operator; a full pipe would stop it."""
        assert self._process.stderr is not None
        with suppress(OSError):
            while read := await self._process.stderr.read(65_536):
                self._words = (self._words + read)[-_LAST_WORDS:]
