"""Several processes on one port.

The parent binds the socket, forks, and does nothing else than keep the number up: it opens no provider and serves
nothing. All workers accept from the same socket, so connections that wait are not lost with a worker that dies. Workers
are told to stop through a pipe and not by a signal, since whoever stops a service often signals every process of it,
and a second signal means "now". A worker whose parent has gone sees the end of the pipe and stops by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dinrail_core.errors import ConfigurationError, DinrailError
from dinrail_core.host import Plan
from dinrail_server.config import ServerConfig
from dinrail_server.metrics import SharedFigures, bury
from dinrail_server.run import Announce, run_loop, serve
from dinrail_server.stopping import Stop

__all__ = ["Parent"]

_DRAIN = b"d"
_NOW = b"n"
_NOW_LIMIT = 1.8
_CLOSE_LIMIT = 20.0
_SETTLED = 30.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 10.0
_LONGEST_REPORT = 1 << 16


@dataclass(slots=True)
class _Worker:
    """A child as its parent sees it.

    Attributes:
        pid: Its process id.
        number: Its number, which no other worker ever has.
        orders: Where the parent writes what it shall do.
        reports: Where the parent reads what it announces; at its end when the child is.
        failures: How often in a row workers in this place have died soon.
        begun: When it was started.
        announced: How many announcements came from it; the first says that it listens.
        said: The beginning of a report whose end has not come.
    """

    pid: int
    number: int
    orders: int
    reports: int
    failures: int
    begun: float = field(default_factory=time.monotonic)
    announced: int = 0
    said: bytes = b""


class Parent:
    """Starts workers and keeps them up.

    Args:
        plan: What each of them opens.
        config: ``[server]``.
        sock: The bound socket.
        announce: Given what the workers announce, once.
    """

    def __init__(self, plan: Plan, config: ServerConfig, sock: socket.socket, announce: Announce) -> None:
        if not hasattr(os, "fork"):
            raise ConfigurationError("several workers need an operating system that can fork", key="server.workers")
        self._plan = plan
        self._config = config
        self._sock = sock
        self._announce = announce
        self._workers: list[_Worker] = []
        self._due: list[tuple[float, int]] = []
        self._news: list[str] = []
        self._told = 0
        self._started = False
        self._kill_at: float | None = None
        self._numbers = 0
        self._code = 0
        self._figures = Path()

    def run(self) -> int:
        """Serve until told to stop.

        Returns:
            The exit code: 0 when all ended in order.
        """
        self._figures = Path(tempfile.mkdtemp(prefix="dinrail-"))
        gc.collect()
        gc.freeze()  # pages of what is loaded stay shared, since the collector writes to none of them
        try:
            with self._signals() as woken:
                for _ in range(self._config.workers):
                    self._fork(failures=0)
                while self._workers or (self._due and not self._stopping):
                    self._turn(woken)
            return self._code
        finally:
            shutil.rmtree(self._figures, ignore_errors=True)

    @property
    def _stopping(self) -> bool:
        return self._kill_at is not None

    def _turn(self, woken: int) -> None:
        """Wait for whatever comes first: a signal, a report, a death, a time."""
        times = [due for due, _ in self._due] if not self._stopping else [self._kill_at or 0.0]
        pause = max(0.0, min(times) - time.monotonic()) if times else None
        readable, _, _ = select.select([woken, *(worker.reports for worker in self._workers)], [], [], pause)
        if woken in readable:
            os.read(woken, 512)
        for worker in [worker for worker in self._workers if worker.reports in readable]:
            self._hear(worker)
        if self._stopping and time.monotonic() >= (self._kill_at or 0.0):
            self._code = 1
            for worker in self._workers:
                os.kill(worker.pid, signal.SIGKILL)
            self._kill_at = time.monotonic() + _NOW_LIMIT
        if not self._stopping:
            for due, failures in [entry for entry in self._due if entry[0] <= time.monotonic()]:
                self._due.remove((due, failures))
                self._fork(failures)

    def _hear(self, worker: _Worker) -> None:
        report = os.read(worker.reports, _LONGEST_REPORT)
        if not report:
            self._mourn(worker)
            return
        *whole, worker.said = (worker.said + report).split(b"\n")
        for line in whole:
            self._take(worker, json.loads(line))

    def _take(self, worker: _Worker, text: str) -> None:
        """All workers announce the same; it is told once, and not before all of them listen."""
        if worker.announced == len(self._news):
            self._news.append(text)
        worker.announced += 1
        self._started = self._started or all(other.announced for other in self._workers)
        while self._started and self._told < len(self._news):
            self._announce(self._news[self._told])
            self._told += 1

    def _mourn(self, worker: _Worker) -> None:
        """A worker has ended: start another after a pause, unless that is what was asked of it."""
        self._workers.remove(worker)
        _, status = os.waitpid(worker.pid, 0)
        os.close(worker.orders)
        os.close(worker.reports)
        bury(self._figures, worker.number)
        if self._stopping:
            self._code = self._code or (0 if os.waitstatus_to_exitcode(status) == 0 else 1)
            return
        if not self._started:
            self._code = 1  # it has said why
            self._stop(_NOW, _NOW_LIMIT)
            return
        failures = 0 if time.monotonic() - worker.begun > _SETTLED else worker.failures + 1
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**failures)
        code = os.waitstatus_to_exitcode(status)
        how = f"signal {-code}" if code < 0 else f"code {code}"
        print(f"dinrail: worker {worker.pid} ended ({how}); another starts in {pause:g} s", file=sys.stderr, flush=True)
        self._due.append((time.monotonic() + pause, failures))

    def _stop(self, order: bytes, limit: float) -> None:
        self._kill_at = time.monotonic() + limit
        for worker in self._workers:
            with contextlib.suppress(BrokenPipeError):
                os.write(worker.orders, order)

    def _on_terminate(self) -> None:
        if self._stopping:
            self._stop(_NOW, _NOW_LIMIT)
        else:
            self._stop(_DRAIN, self._config.drain_timeout + _CLOSE_LIMIT)

    @contextmanager
    def _signals(self) -> Iterator[int]:
        """Take signals in turns of the loop; yields the descriptor on which they wake it."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, lambda *_: self._on_terminate())
        signal.signal(signal.SIGINT, lambda *_: self._stop(_NOW, _NOW_LIMIT))
        try:
            yield reader
        finally:
            signal.set_wakeup_fd(before)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.close(reader)
            os.close(writer)

    def _fork(self, failures: int) -> None:
        orders, orders_in = os.pipe()
        reports, reports_in = os.pipe()
        self._numbers += 1
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            os.close(orders)
            os.close(reports_in)
            self._workers.append(_Worker(pid, self._numbers, orders_in, reports, failures))
            return
        code = 1
        try:
            # Were these left open, an elder worker's pipe would not end with the parent.
            for descriptor in (orders_in, reports, *(fd for w in self._workers for fd in (w.orders, w.reports))):
                os.close(descriptor)
            figures = SharedFigures(self._figures, self._numbers)
            code = _work(self._plan, self._config, self._sock, orders, reports_in, figures)
        finally:
            # Not sys.exit: the parent's stack, with all its clean-up, lies below.
            os._exit(code)


def _work(
    plan: Plan, config: ServerConfig, sock: socket.socket, orders: int, reports: int, figures: SharedFigures
) -> int:
    """A worker's life.

    Returns:
        The exit code.
    """
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # until the loop takes it; the parent's handler is not for here
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the parent passes it on

    def announce(text: str) -> None:
        os.write(reports, json.dumps(text).encode() + b"\n")

    async def main() -> None:
        stop = Stop()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, stop.ask)
        loop.add_reader(orders, lambda: _obey(stop, os.read(orders, 1), lambda: loop.remove_reader(orders)))
        await serve(plan, config, sock, stop, announce, figures)

    try:
        run_loop(main())
    except DinrailError as error:
        print(f"dinrail: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


def _obey(stop: Stop, order: bytes, stop_reading: Callable[[], object]) -> None:
    if order == _NOW:
        stop.hurry()
    else:
        stop.ask()
    if not order:
        stop_reading()  # the parent has gone
