"""The audit log: one line of JSON for each event, in a file that anyone may rename, or on the standard error stream.

Whoever records puts the event into a queue. A thread writes what has gathered a few times a second, whole lines in one
write and to the file's end, so that processes can share a file and a full disk or pipe never holds up a request.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dinrail_core.api.access import AuditEvent

__all__ = ["AuditLog"]

_LOG = logging.getLogger("dinrail.access")

_PERIOD = 0.2
_MOST_WAITING = 50_000
_STDERR = 2


class AuditLog:
    """Writes events.

    Args:
        file: Where; the standard error stream without one. Made for its owner's eyes only.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._events: deque[tuple[float, AuditEvent]] = deque()
        self._lost = 0
        self._wake = threading.Event()
        self._closing = False
        self._complained = False
        self._thread: threading.Thread | None = None

    def record(self, event: AuditEvent) -> None:
        """Take an event."""
        if len(self._events) >= _MOST_WAITING:
            self._lost += 1
            return
        self._events.append((time.time(), event))
        if not self._wake.is_set():
            self._wake.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="dinrail-audit", daemon=True)
                self._thread.start()

    def close(self, timeout: float = 2.0) -> None:
        """Write what is left, but wait no longer than ``timeout`` seconds."""
        self._closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout)
            self._thread = None

    def _run(self) -> None:
        closing = False
        while not closing:
            self._wake.wait()
            if not self._closing:
                time.sleep(_PERIOD)
            self._wake.clear()
            closing = self._closing  # it may have been said meanwhile, and is not said again
            self._write()

    def _write(self) -> None:
        waiting = list(self._events)
        lines = [_line(moment, event) for moment, event in waiting]
        if self._lost:
            lines.append(_encoded({"time": _text(time.time()), "event": "lines_lost", "count": self._lost}))
        try:
            self._put("".join(lines).encode())
        except OSError as error:
            if not self._complained:
                _LOG.error("the audit log cannot be written (%s); events are kept until it can", error.strerror)
            self._complained = True
            if not self._closing:
                time.sleep(1.0)
                self._wake.set()
            return
        self._complained = False
        self._lost = 0
        for _ in waiting:
            self._events.popleft()

    def _put(self, data: bytes) -> None:
        if self._file is None:
            _write_all(_STDERR, data)
            return
        # Opened anew each time, so that it may be renamed; O_APPEND puts lines of several processes side by side.
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            before = os.fstat(target).st_size
            try:
                _write_all(target, data)
            except OSError:
                _take_back(target, before)
                raise
        finally:
            os.close(target)


def _write_all(target: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(target, rest) :]


def _take_back(target: int, size: int) -> None:
    """End a line that a full disk has cut, so that the next one can be read; there may be no room even for that."""
    if os.fstat(target).st_size > size:
        try:
            os.write(target, b"\n")
        except OSError:
            return


def _line(moment: float, event: AuditEvent) -> str:
    who = event.principal
    line: dict[str, Any] = {
        "time": _text(moment),
        "event": "audit",
        "action": event.action,
        "route": event.route,
        "objects": list(event.objects),
        "status": event.status,
        "error": event.error,
        "tenant": who.tenant if who is not None else None,
        "user": who.user if who is not None else None,
        "credential": event.credential,
        "client": event.client,
        "request": event.request_id,
    }
    return _encoded({name: value for name, value in line.items() if value is not None and value != []})


def _encoded(line: dict[str, Any]) -> str:
    return json.dumps(line, separators=(",", ":")) + "\n"


def _text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
