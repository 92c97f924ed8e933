"""Starts code in a jail, bounds it, and takes up what it puts out."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dinrail_core.errors import Unavailable

__all__ = ["Limits", "Ran", "Sandbox", "folder_size"]

_JAIL = Path(__file__).with_name("jail.py")
_RUNNER = Path(__file__).with_name("runner.py")
_IMPOSSIBLE = 125
_MOST_LOGS = 2**20
_MOST_PICTURES = 8 * 2**20
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/fonts", "/etc/localtime")
_NOBODY = 65_534
_WATCH = 0.25
"""Seconds between two looks at how much the folder holds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What code is held to.

    Attributes:
        seconds: Of real time.
        memory: Bytes of address space of each process.
        folder: Bytes of all files in the folder.
        processes: At once.
    """

    seconds: float
    memory: int
    folder: int
    processes: int


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of code.

    Attributes:
        logs: What it printed, and what went wrong in it.
        pictures: Its figures, as data URLs.
        ended: Whether it came to its end by itself.
    """

    logs: str
    pictures: tuple[str, ...]
    ended: bool


class Sandbox:
    """Runs code with the isolation that :mod:`dinrail_code_interpreter.jail` describes, or not at all.

    Args:
        python: The interpreter that code runs in; its own libraries are those that code has.
    """

    def __init__(self, python: Path) -> None:
        self._python = python
        self._runner = _RUNNER.read_text(encoding="utf-8")
        self._read_only: Sequence[str] = ()

    async def check(self, folder: Path) -> None:
        """See that code can be run here as it must be.

        Raises:
            Unavailable: It cannot; the message says what is missing.
        """
        if sys.platform != "linux":
            raise Unavailable("Code is run on Linux only, whose namespaces keep it from everything else.")
        self._read_only = await self._prefixes()
        ran = await self.run(folder, "import os\nos.getuid(), os.listdir('/mnt')", Limits(30.0, 2**30, 2**20, 16))
        if ran.logs.strip() != "(1000, ['data'])":
            raise Unavailable(f"Code does not run as it should: {ran.logs.strip()[:500]}")

    async def run(self, folder: Path, code: str, limits: Limits) -> Ran:
        """Run code.

        Args:
            folder: What it finds as ``/mnt/data``.
            code: Python.
            limits: What it is held to.

        Raises:
            Unavailable: The isolation cannot be had.
        """
        if os.geteuid() == 0:
            os.chown(folder, _NOBODY, _NOBODY)
        reader, writer = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-S",
                "-c",
                # The pictures' pipe gets the number that the runner writes to.
                f"import os, runpy; os.dup2({writer}, 3); runpy.run_path({str(_JAIL)!r}, run_name='__main__')",
                json.dumps(self._wanted(folder, limits)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=(writer,),
                env={"PATH": "/usr/bin:/bin"},
                cwd="/",
                start_new_session=True,
            )
        finally:
            os.close(writer)
        return await self._watched(process, reader, folder, code, limits)

    async def _watched(
        self, process: asyncio.subprocess.Process, reader: int, folder: Path, code: str, limits: Limits
    ) -> Ran:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        stopped = ""
        logs = asyncio.ensure_future(_read(process.stdout, _MOST_LOGS))
        errors = asyncio.ensure_future(_read(process.stderr, 65_536))
        pictures = asyncio.ensure_future(_read_pipe(reader, _MOST_PICTURES))
        watch = asyncio.ensure_future(_overflow(folder, limits.folder))
        ending = asyncio.ensure_future(process.wait())
        try:
            with suppress(ConnectionError):
                process.stdin.write(code.encode())
                process.stdin.close()
            done, _ = await asyncio.wait((ending, watch), timeout=limits.seconds, return_when=asyncio.FIRST_COMPLETED)
            if watch in done:
                stopped = f"The container has no room for more than {limits.folder} bytes: the code was ended."
            elif not done:
                stopped = f"The code was ended after {limits.seconds:g} seconds."
        finally:
            watch.cancel()
            with suppress(ProcessLookupError):
                process.kill()  # all that is inside ends with it
            await asyncio.shield(asyncio.gather(ending, logs, errors, pictures, watch, return_exceptions=True))
        if process.returncode == _IMPOSSIBLE and not stopped:
            reason = errors.result().decode("utf-8", "replace").strip().splitlines() or ["nobody said why"]
            raise Unavailable(f"Code cannot be run here: {reason[-1][:300]}")
        text = logs.result().decode("utf-8", "replace")
        ended = not stopped and process.returncode in (0, 1)
        if not stopped and not ended:
            stopped = _unusual(process.returncode or 0)
        if len(logs.result()) == _MOST_LOGS:
            text += "\n[What follows is left out.]"
        if stopped:
            text = f"{text}\n{stopped}" if text else stopped
        found = tuple(line.decode("ascii", "replace") for line in pictures.result().split(b"\n") if line)
        return Ran(text, found, ended)

    def _wanted(self, folder: Path, limits: Limits) -> dict[str, object]:
        """What the jail is told."""
        seconds = int(limits.seconds) + 1
        return {
            "folder": str(folder.absolute()),
            "read_only": list(self._read_only),
            "scratch": min(limits.folder, 256 * 2**20),
            "program": [str(self._python), "-I", "-B", "-u", "-c", self._runner],
            "environment": {
                "HOME": "/mnt/data",
                "LANG": "C.UTF-8",
                "MPLBACKEND": "Agg",
                "MPLCONFIGDIR": "/tmp",  # noqa: S108  # that of the jail, which is its own
                "OPENBLAS_NUM_THREADS": "1",
                "PATH": "/usr/bin:/bin",
                "TMPDIR": "/tmp",  # noqa: S108  # likewise
            },
            "limits": {
                "AS": limits.memory,
                "CORE": 0,
                "CPU": seconds,
                "FSIZE": limits.folder,
                "NOFILE": 256,
                "NPROC": limits.processes,
            },
        }

    async def _prefixes(self) -> Sequence[str]:
        """The folders that the interpreter needs, those first that others lie in."""
        process = await asyncio.create_subprocess_exec(
            str(self._python),
            "-I",
            "-c",
            "import json, os, sys; print(json.dumps([sys.prefix, sys.base_prefix, os.path.realpath(sys.base_prefix)]))",
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
        if process.returncode != 0:
            raise Unavailable(f"The interpreter {self._python} cannot be started.")
        own: list[str] = json.loads(said)
        found = dict.fromkeys([*_SYSTEM, *own])
        return [path for path in sorted(found) if not any(_lies_in(path, other) for other in found)]


def folder_size(folder: Path) -> int:
    """Bytes of all files in a folder; links count as nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total


def _lies_in(path: str, other: str) -> bool:
    return path != other and path.startswith(f"{other}/") and not os.path.islink(other)


async def _overflow(folder: Path, most: int) -> None:
    """Return once the folder holds too much; one that did so before may not grow."""
    most = max(most, await asyncio.to_thread(folder_size, folder))
    while True:
        await asyncio.sleep(_WATCH)
        if await asyncio.to_thread(folder_size, folder) > most:
            return


def _unusual(code: int) -> str:
    """How code ended that neither came to its end nor failed with an error of Python's.

    Args:
        code: The exit status, as :mod:`dinrail_code_interpreter.jail` hands it on: signals stand above 128.
    """
    signal = -code if code < 0 else code - 128
    return f"The code was ended by signal {signal}." if signal > 0 else f"The code ended with exit status {code}."


async def _read(stream: asyncio.StreamReader, most: int) -> bytes:
    """Read to the end, and keep the beginning."""
    kept = bytearray()
    while read := await stream.read(65_536):
        kept += read[: most - len(kept)]
    return bytes(kept)


async def _read_pipe(reader: int, most: int) -> bytes:
    loop = asyncio.get_running_loop()
    stream = asyncio.StreamReader()
    pipe = os.fdopen(reader, "rb", 0)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), pipe)
    try:
        return await _read(stream, most)
    finally:
        transport.close()
