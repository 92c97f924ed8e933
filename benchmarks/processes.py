"""Processes under test: started, asked for their address, measured as a tree, ended."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Process", "Usage", "start"]

_READY_LIMIT = 60.0
_END_LIMIT = 10.0
_TICK = 1 / os.sysconf("SC_CLK_TCK")
_CPUCLOCK_SCHED = 2
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


@dataclass(frozen=True, slots=True)
class Usage:
    """Memory of a process tree, in bytes.

    Attributes:
        pss: Proportional set size: pages shared with other processes count in part.
        rss: Resident set size: they count in full.
    """

    pss: int
    rss: int


@dataclass(slots=True)
class Process:
    """A running server.

    Attributes:
        url: Where it listens, without a path.
        pid: The root of its process tree.
    """

    url: str
    pid: int
    _handle: asyncio.subprocess.Process
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def cpu(self) -> float:
        """Seconds of processor time, user and system, of the process and all its descendants so far.

        A living process is asked for its CPU clock (nanoseconds); of those that have ended, what their parent has
        collected counts (ticks of 10 ms), so a child that is neither alive nor waited for would be missed.
        """
        total = 0.0
        for pid, stat in self._tree().items():
            total += time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)
            total += (int(stat[13]) + int(stat[14])) * _TICK
        return total

    def memory(self) -> Usage:
        """What the tree holds now."""
        pss = rss = 0
        for pid in self._tree():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                name, _, value = line.partition(":")
                if name == "Pss":
                    pss += int(value.split()[0]) * 1024
                elif name == "Rss":
                    rss += int(value.split()[0]) * 1024
        return Usage(pss, rss)

    async def end(self) -> None:
        """End it as an operator would, and by force where that takes too long."""
        if self._handle.returncode is None:
            self._handle.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(_END_LIMIT):
                    await self._handle.wait()
            except TimeoutError:
                self._handle.kill()
                await self._handle.wait()
        for task in self._tasks:
            task.cancel()

    def _tree(self) -> dict[int, list[str]]:
        """The fields of ``/proc/<pid>/stat`` behind the command's name, of the process and its descendants."""
        stats: dict[int, list[str]] = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    text = Path(f"/proc/{entry}/stat").read_text()
                except OSError:
                    continue  # it has ended meanwhile
                stats[int(entry)] = text.rpartition(")")[2].split()
        tree = {self.pid: stats[self.pid]}
        grown = True
        while grown:
            new = {pid: stat for pid, stat in stats.items() if pid not in tree and int(stat[1]) in tree}
            tree.update(new)
            grown = bool(new)
        return tree


@asynccontextmanager
async def start(
    command: Sequence[str], log: Path, environment: Mapping[str, str], directory: Path
) -> AsyncIterator[Process]:
    """Start a server, which says on its standard output where it listens, and end it afterwards.

    Args:
        command: The program and its arguments.
        log: Where its standard error stream goes.
        environment: All of its variables.
        directory: Where it runs.

    Raises:
        RuntimeError: It ended, or said nothing within a minute.
    """
    with log.open("wb") as errors:
        handle = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=errors, env=dict(environment), cwd=directory
        )
    process = Process("", handle.pid, handle)
    try:
        try:
            async with asyncio.timeout(_READY_LIMIT):
                process.url = await _address(handle)
        except (TimeoutError, EOFError):
            last = log.read_text(errors="replace").rstrip().rpartition("\n")[2]
            raise RuntimeError(f"{Path(command[0]).name} did not start: {last}") from None
        process._tasks.append(asyncio.create_task(_drain(handle)))
        yield process
    finally:
        await process.end()


async def _address(handle: asyncio.subprocess.Process) -> str:
    assert handle.stdout is not None
    while line := await handle.stdout.readline():
        if found := _ADDRESS.search(line.decode(errors="replace")):
            return found[0]
    raise EOFError


async def _drain(handle: asyncio.subprocess.Process) -> None:
    """Read on, so that a talkative server is not held up by a full pipe."""
    assert handle.stdout is not None
    while await handle.stdout.read(65536):
        pass
