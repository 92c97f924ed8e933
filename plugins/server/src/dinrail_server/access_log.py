"""One line of JSON for each request, without anything of its content.

A request puts a dictionary into a queue, which costs a fraction of a microsecond; a thread of its own encodes and
writes what has gathered a few times a second. So a reader of the stream that hangs (a full pipe) never blocks the loop.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any

import orjson

__all__ = ["AccessLog"]

_PERIOD = 0.2
_MOST_WAITING = 50_000
_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z


class AccessLog:
    """Writes lines to a file descriptor.

    Args:
        target: The descriptor; the standard error stream's by default.
    """

    def __init__(self, target: int = 2) -> None:
        self._target = target
        self._lines: deque[dict[str, Any]] = deque()
        self._lost = 0
        self._wake = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def add(self, line: dict[str, Any]) -> None:
        """Take a line; its ``time``, seconds since the epoch, is written as UTC text."""
        lines = self._lines
        if len(lines) >= _MOST_WAITING:
            self._lost += 1  # the reader hangs: rather lose lines than memory
            return
        lines.append(line)
        if not self._wake.is_set():
            self._wake.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="dinrail-access-log", daemon=True)
                self._thread.start()

    def close(self, timeout: float = 1.0) -> None:
        """Write what is left, but wait no longer than ``timeout`` seconds for a reader that hangs."""
        self._closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout)
            self._thread = None

    def _run(self) -> None:
        closing = False
        while not closing:
            self._wake.wait()
            closing = self._closing
            if not closing:
                time.sleep(_PERIOD)
            self._wake.clear()
            try:
                self._write()
            except OSError:
                self._lines.clear()  # the stream is closed, and there is nowhere to say so

    def _write(self) -> None:
        parts = []
        while self._lines:
            line = self._lines.popleft()
            line["time"] = datetime.fromtimestamp(line["time"], UTC)
            parts.append(orjson.dumps(line, option=_OPTIONS))
        if self._lost:
            lost, self._lost = self._lost, 0
            line = {"time": datetime.now(UTC), "event": "lines_lost", "count": lost}
            parts.append(orjson.dumps(line, option=_OPTIONS))
        rest = memoryview(b"".join(parts))
        while rest:
            rest = rest[os.write(self._target, rest) :]
