"""A process that does jobs: it takes what waits, does it, and writes down what has become of it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

from sqlalchemy import Connection, RowMapping

from dinrail_core.api.jobs import JobFailed, JobKind
from dinrail_core.errors import DinrailError, NothingServes, Unavailable
from dinrail_core.hooks import Rail
from dinrail_jobs import records
from dinrail_jobs.looks import Looks
from dinrail_jobs.rows import job_of
from dinrail_jobs.run import Run, persistently
from dinrail_jobs.turn import Turn, lock, take_turn
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.ids import new_id

__all__ = ["Workers"]

_LOG = logging.getLogger("dinrail.jobs")

_BEAT = 1.0
"""Seconds between two turns."""

_LONGEST_WAIT = 300.0
_CLOSED_SERVICE = 5.0
"""Seconds until a job is taken up again whose service could not be opened."""

_HANDOVER = 5.0
"""Seconds that jobs have to stop in, when the process does."""


class Workers:
    """Does jobs until it is left.

    Args:
        database: Where the jobs are.
        rail: Where their services are.
        lease: Seconds without a sign of life after which others take over what this process has.
    """

    def __init__(self, database: Database, rail: Rail, lease: float) -> None:
        self._database = database
        self._rail = rail
        self._lease = lease
        self._kinds = {kind.name: kind for kind in rail.job_kinds()}
        self._looks = Looks(rail, self._kinds.values(), self.wake)
        self._id = new_id("")
        self._name = f"{socket.gethostname()}:{os.getpid()}"[:200]
        self._runs: dict[str, Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._stopping = False
        self._lived_at = time.monotonic()

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Take jobs until the block is left; what is under way then is handed over."""
        task = asyncio.create_task(self._work(), name="dinrail-jobs")
        try:
            yield
        finally:
            self._stopping = True
            task.cancel()
            await asyncio.wait({task})
            await self._hand_over()

    def wake(self, after: float = 0.0) -> None:
        """Something may wait now, or in some seconds."""
        if after > 0:
            asyncio.get_running_loop().call_later(after, self._woken.set)
        else:
            self._woken.set()

    def cancel(self, job_id: str) -> None:
        """A job is to be cancelled; if it is another process's, that one sees it in its next turn."""
        for run in self._runs.values():
            if run.id == job_id:
                run.cancel()

    async def _work(self) -> None:
        guard = asyncio.create_task(self._guard(), name="dinrail-jobs-guard")
        looking = asyncio.create_task(self._looks.go_on(), name="dinrail-jobs-looks")
        try:
            seen_to = away = False
            while True:
                self._woken.clear()
                try:
                    if not seen_to:
                        await self._database.sweep(self._see_to_periodic)
                        seen_to = True
                    await self._turn()
                    away = False
                except DinrailError as error:
                    _LOG.log(logging.DEBUG if away else logging.WARNING, "jobs are not looked for: %s", error)
                    away = True
                except Exception:  # a background task that ends would leave everything where it is, unseen
                    _LOG.exception("jobs are not looked for")
                await self._wait()
        finally:
            guard.cancel()
            looking.cancel()
            await asyncio.wait({guard, looking})

    async def _wait(self) -> None:
        """Until the next turn is due, or something waits and there is room for it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_BEAT):
                while True:
                    await self._woken.wait()
                    if self._free():
                        return
                    self._woken.clear()

    def _see_to_periodic(self, connection: Connection) -> None:
        lock(connection)
        records.see_to_periodic(connection, self._kinds.values())

    async def _turn(self) -> None:
        began = time.monotonic()
        runs = dict(self._runs)
        holding = {claim: run.take_progress() for claim, run in runs.items()}
        turn = Turn(self._id, self._name, self._lease, self._kinds, self._free(), holding)
        try:
            taken = await self._database.sweep(lambda connection: take_turn(connection, turn))
        except DinrailError:
            for claim, run in runs.items():
                run.give_progress(holding[claim])
            raise
        self._lived_at = began
        for claim, run in runs.items():
            if claim not in taken.held and claim in self._runs:
                run.lose()
            elif taken.held.get(claim):
                run.cancel()
        for row in taken.rows:
            self._begin(row, fresh=row["claim"] in taken.fresh)

    async def _guard(self) -> None:
        """Stop what this process does once others may take it for dead, though it cannot ask the database."""
        while True:
            left = self._lived_at + self._lease - time.monotonic()
            if left <= 0:
                for run in list(self._runs.values()):
                    run.lose()
            await asyncio.sleep(max(left, _BEAT / 2))

    def _free(self) -> Mapping[str, int]:
        doing = [run.kind.name for run in self._runs.values() if run.row["duty"] == "run"]
        idle = self._looks.idle
        free = {name: kind.concurrency - doing.count(name) for name, kind in self._kinds.items() if name not in idle}
        return {name: slots for name, slots in free.items() if slots > 0}

    def _begin(self, row: RowMapping, *, fresh: bool) -> None:
        run = Run(self._database, row, self._kinds[row["kind"]], fresh=fresh)
        self._looks.begun(row["kind"])
        self._runs[run.claim] = run
        task = asyncio.create_task(self._see_through(run), name=f"dinrail-job-{run.id}-{row['duty']}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _see_through(self, run: Run) -> None:
        """Do a job, or tell its end, and write down what has become of it."""
        try:
            work = run.begin(lambda: self._do(run) if run.row["duty"] == "run" else self._tell(run))
            await asyncio.wait({work})
            if run.lost:
                _LOG.warning("the job %s goes on in another process", run.id)
                return
            outcome, pause = _told(run, work) if run.row["duty"] == "tell" else _outcome(run, work)
            with suppress(Unavailable):  # given up: whoever takes over will see to it
                await persistently(self._database, outcome, lambda: run.lost or self._stopping)
            if 0 < pause < _BEAT:  # else the turns come soon enough
                self.wake(pause)
        finally:
            del self._runs[run.claim]
            self.wake()

    async def _do(self, run: Run) -> None:
        await run.kind.run(await self._service(run.kind), run)

    async def _tell(self, run: Run) -> None:
        if run.kind.ended is not None:
            await run.kind.ended(await self._service(run.kind), job_of(run.row))

    async def _service(self, kind: JobKind) -> object:
        try:
            return await self._rail.service_for(kind.name)
        except (Unavailable, NothingServes) as error:
            raise _NotOpen(str(error)) from error

    async def _hand_over(self) -> None:
        for run in self._runs.values():
            run.hand_over()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=_HANDOVER)
        for run in self._runs.values():
            _LOG.warning("the job %s does not stop; it is handed over, and what it still does is not kept", run.id)
        with suppress(Unavailable):  # others notice that this process is gone
            await self._database.sweep(lambda connection: records.let_go(connection, self._id))


class _NotOpen(Exception):
    """The service that a job needs could not be opened; no fault of the job's."""


Write = Callable[[Connection], object]


def _outcome(run: Run, work: asyncio.Task[None]) -> tuple[Write, float]:
    """What is to be written down, now that the work has stopped, and the seconds until the job is due again."""
    error = asyncio.CancelledError() if work.cancelled() else work.exception()
    progress = run.take_progress()
    values: dict[str, Any] = {} if progress is None else {"progress": progress}

    def end(state: str) -> tuple[Write, float]:
        pause = run.kind.every or 0.0
        return lambda connection: records.end(connection, run.id, run.claim, state, run.kind, values), pause

    def put_off(seconds: float) -> tuple[Write, float]:
        return lambda connection: records.put_off(connection, run.id, run.claim, seconds, values), seconds

    if error is None:
        values["error"] = None
        return end("completed")
    if run.cancelled:
        return end("cancelled")
    if run.stopping:
        return put_off(0.0)
    if isinstance(error, _NotOpen):
        _LOG.warning("the job %s waits for its service: %s", run.id, error)
        return put_off(_CLOSED_SERVICE)
    values["error"] = json.dumps(_said(run, error))
    failures = run.row["failures"] + 1
    if isinstance(error, JobFailed) or failures >= run.kind.attempts:
        return end("failed")
    values["failures"] = failures
    return put_off(min(run.kind.backoff * 2 ** (failures - 1), _LONGEST_WAIT))


def _told(run: Run, work: asyncio.Task[None]) -> tuple[Write, float]:
    error = asyncio.CancelledError() if work.cancelled() else work.exception()
    if error is None:
        return partial(records.told, job_id=run.id, claim=run.claim), 0.0
    if isinstance(error, _NotOpen):
        _LOG.warning("the end of the job %s waits for its service: %s", run.id, error)
    elif not run.stopping:
        _LOG.error("the end of the job %s could not be told its service", run.id, exc_info=error)
    pause = 0.0 if run.stopping else min(2.0 ** run.row["failures"], _LONGEST_WAIT)
    return partial(records.tell_later, job_id=run.id, claim=run.claim, seconds=pause), pause


def _said(run: Run, error: BaseException) -> dict[str, str]:
    """An error as it is kept: what is not meant for people may hold secrets, so only its type is said."""
    if isinstance(error, DinrailError):
        return {"code": error.code, "message": error.message}
    _LOG.error("the job %s failed in attempt %d", run.id, run.attempt, exc_info=error)
    return {"code": "internal_error", "message": f"The work failed ({type(error).__name__})."}
