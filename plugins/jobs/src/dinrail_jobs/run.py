"""A job while this process does it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, RowMapping

from dinrail_core.api.jobs import JobKind, JobProgress, JobRun, Json
from dinrail_core.errors import Unavailable
from dinrail_jobs.records import is_mine, record_step, recorded
from dinrail_jobs.rows import call_of, dumped
from dinrail_jobs.tables import NAME_LENGTH
from dinrail_sdk.sql.contract import Database

__all__ = ["Run", "persistently"]

_LOG = logging.getLogger("dinrail.jobs")

_PAUSE = 0.5

T = TypeVar("T")


async def persistently(database: Database, work: Callable[[Connection], T], given_up: Callable[[], bool]) -> T:
    """Do work on the database that must not be lost because the database is away for a while.

    Args:
        database: The database.
        work: Good to be done again, since a connection that breaks does not say whether it has been done.
        given_up: Whether nobody needs it any more.

    Raises:
        Unavailable: It was given up.
    """
    while True:
        try:
            return await database.sweep(work)
        except Unavailable as error:
            if given_up():
                raise
            _LOG.warning("jobs wait for the database: %s", error)
        await asyncio.sleep(_PAUSE)


class Run(JobRun):
    """A job while this process does it.

    Args:
        database: Where steps are written down.
        row: The job, as it was taken.
        kind: Its kind.
        fresh: Whether nobody has begun it before, so that no step of it can have been done elsewhere.
    """

    def __init__(self, database: Database, row: RowMapping, kind: JobKind, *, fresh: bool) -> None:
        self.id = row["id"]
        self.payload = json.loads(row["payload"])
        self.call = call_of(row)
        self.attempt = row["attempt"]
        self.kind = kind
        self.claim: str = row["claim"]
        self.row = row
        self.lost = False
        """Whether the job is no longer this process's."""
        self.stopping = False
        """Whether this process hands its jobs over."""
        self._database = database
        self._fresh = fresh
        self._done: set[str] = set()
        self._cancelled = False
        self._progress: str | None = None
        self._under_way: set[str] = set()
        self._work: asyncio.Task[None] | None = None

    async def step(self, name: str, work: Callable[[str], Awaitable[Json]]) -> Json:
        if not name or len(name) > NAME_LENGTH:
            raise ValueError(f"A step's name has 1 to {NAME_LENGTH} characters.")
        if name in self._under_way:
            raise ValueError(f"The step '{name}' is being done already: a name occurs once in a job.")
        if self.lost:  # and whoever does it has not heeded being cancelled
            raise asyncio.CancelledError
        self._under_way.add(name)
        try:
            if not self._fresh or name in self._done:
                found = await self._keep(partial(self._found, name=name))
                if found is not None:
                    return json.loads(found)
            result = await work(self._key(name))
            text = dumped(result, f"What the step '{name}' returned")
            kept = await self._keep(partial(record_step, job_id=self.id, claim=self.claim, name=name, result=text))
            if not kept:
                self.lost = True
                raise asyncio.CancelledError
            self._done.add(name)
            return result
        finally:
            self._under_way.discard(name)

    async def progress(self, done: int, total: int | None = None, note: str = "") -> None:
        self._progress = dumped(asdict(JobProgress(done, total, note)), "Progress")

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def begin(self, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Do it, in a task of its own."""

        async def doing() -> None:
            await work()

        self._work = asyncio.create_task(doing(), name=f"dinrail-job-{self.id}")
        return self._work

    def cancel(self) -> None:
        """Somebody wants it cancelled."""
        if not self._cancelled:
            self._cancelled = True
            self._interrupt()

    def hand_over(self) -> None:
        """This process stops."""
        if not self.stopping:
            self.stopping = True
            self._interrupt()

    def lose(self) -> None:
        """It has been taken over by another process."""
        if not self.lost:
            self.lost = True
            self._interrupt()

    def take_progress(self) -> str | None:
        """Progress that has not been written down, JSON."""
        progress, self._progress = self._progress, None
        return progress

    def give_progress(self, progress: str | None) -> None:
        """What could not be written down after all; newer progress stands before it."""
        if self._progress is None:
            self._progress = progress

    def _interrupt(self) -> None:
        if self._work is not None:
            self._work.cancel()

    def _found(self, connection: Connection, name: str) -> str | None:
        """What the step has returned, if it has been done; asked of the database, which knows who is at the job."""
        if not is_mine(connection, self.id, self.claim):
            self.lost = True
            return None
        return recorded(connection, self.id, name)

    async def _keep(self, work: Callable[[Connection], T]) -> T:
        if self.lost:
            raise asyncio.CancelledError
        done = await persistently(self._database, work, lambda: self.lost or self.stopping)
        if self.lost:
            raise asyncio.CancelledError
        return done

    def _key(self, name: str) -> str:
        """48 hexadecimal digits, which :attr:`Call.seed` takes as well."""
        return hashlib.sha256(f"{self.id}\0{name}".encode()).hexdigest()[:48]
