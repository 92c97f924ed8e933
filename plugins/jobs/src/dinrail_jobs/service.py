"""The service: jobs are enqueued, looked at, cancelled, and done where this process is to do any."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from sqlalchemy import ColumnElement, RowMapping, func, select

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.jobs import Job, Jobs, JobState, Json
from dinrail_core.errors import Conflict, NotFound, NothingServes
from dinrail_core.hooks import Rail
from dinrail_jobs.contract import Worker
from dinrail_jobs.everybody import Everybody
from dinrail_jobs.records import forget_ended
from dinrail_jobs.rows import job_of, key_hash, new_row
from dinrail_jobs.tables import JOBS, WORKERS
from dinrail_jobs.turn import ended
from dinrail_jobs.workers import Workers
from dinrail_sdk.sql.contract import Database, Duplicate
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.sql.units import Owned, Page

__all__ = ["JobService"]

Unit = Owned | Everybody
Conditions = list[ColumnElement[bool]]


class JobService(Jobs, Worker):
    """Jobs as rows of the database.

    Args:
        database: The database.
        rail: What is on the rail.
        lease: See :class:`~dinrail_jobs.workers.Workers`.
        keep: Seconds for which a job that has ended is kept.
    """

    def __init__(self, database: Database, rail: Rail, lease: float, keep: float) -> None:
        self._database = database
        self._rail = rail
        self._lease = lease
        self._keep = keep
        self._workers: Workers | None = None

    @asynccontextmanager
    async def open(self, *, working: bool) -> AsyncIterator[JobService]:
        """Have it until the block is left.

        Args:
            working: Whether this process does jobs from now on.
        """
        async with AsyncExitStack() as self._stack:
            if working:
                await self.work()
            yield self

    async def work(self) -> None:
        if self._workers is None:
            workers = self._workers = Workers(self._database, self._rail, self._lease)
            await self._stack.enter_async_context(workers.at_work())

    async def enqueue(
        self, kind: str, payload: Mapping[str, Json], call: Call, *, key: str | None = None, delay: float = 0.0
    ) -> str:
        declared = {one.name: one for one in self._rail.job_kinds()}
        if kind not in declared or declared[kind].every is not None:
            raise NothingServes(f"No installed service does jobs of the kind '{kind}'.")
        now = time.time()
        row = {**new_row(new_id("job_"), kind, payload, call, now), "due_at": now + max(0.0, delay)}
        if key is not None:
            row["key_hash"] = key_hash(kind, key, call.principal)
        same = select(JOBS.c.id).where(JOBS.c.key_hash == row.get("key_hash"))
        while True:
            try:
                await self._database.write(call.principal, lambda unit: unit.insert(JOBS, row))
                break
            except Duplicate:
                found = await self._database.sweep(lambda connection: connection.execute(same).scalar())
                if found is not None:  # else it has been forgotten in between
                    return str(found)
        if self._workers is not None:
            self._workers.wake(delay)
        return str(row["id"])

    async def get(self, job_id: str, principal: Principal | None) -> Job:
        if principal is None:
            row = await self._database.sweep(lambda connection: Everybody(connection).get(JOBS, job_id))
        else:
            row = await self._database.read(principal, lambda unit: unit.get(JOBS, job_id))
        (job,) = await self._jobs([_there(row, job_id, principal)])
        return job

    async def list(
        self,
        principal: Principal | None,
        *,
        kind: str | None = None,
        state: JobState | None = None,
        periodic: bool = False,
        after: str | None = None,
        limit: int = 100,
    ) -> Sequence[Job]:
        conditions: Conditions = [JOBS.c.periodic.is_(periodic)]
        if kind is not None:
            conditions.append(JOBS.c.kind == kind)
        if state is not None:
            conditions.append(JOBS.c.state == state)
        if principal is not None and periodic:
            return ()
        if principal is not None:
            page = Page(limit=limit, after=after)
            rows = (await self._database.read(principal, lambda unit: unit.page(JOBS, page, *conditions))).rows
        else:
            if after is not None:
                conditions.append(JOBS.c.id < after)
            statement = select(JOBS).where(*conditions).order_by(JOBS.c.id.desc()).limit(limit)
            rows = await self._database.sweep(lambda connection: connection.execute(statement).mappings().all())
        return await self._jobs(rows)

    async def cancel(self, job_id: str, principal: Principal | None) -> Job:
        kinds = {kind.name: kind for kind in self._rail.job_kinds()}

        def work(unit: Unit) -> None:
            row = _enqueued(unit.get(JOBS, job_id, lock=True), job_id, principal)
            if row["state"] == "queued":
                unit.update(JOBS, ended("cancelled", kinds.get(row["kind"]), time.time()), JOBS.c.id == job_id)
            elif row["state"] == "running":
                unit.update(JOBS, {"cancelling": True}, JOBS.c.id == job_id)

        await self._change(principal, work)
        if self._workers is not None:
            self._workers.cancel(job_id)
            self._workers.wake()
        return await self.get(job_id, principal)

    async def retry(self, job_id: str, principal: Principal | None) -> Job:
        def work(unit: Unit) -> None:
            row = _enqueued(unit.get(JOBS, job_id, lock=True), job_id, principal)
            if row["state"] not in ("failed", "cancelled"):
                raise Conflict(
                    f"The job '{job_id}' is {row['state']}; only what failed or was cancelled is done again."
                )
            if row["worker"] is not None:
                raise Conflict(f"The end of the job '{job_id}' is being seen to; try again in a moment.")
            again = {"state": "queued", "duty": "run", "due_at": time.time(), "ended_at": None, "failures": 0}
            unit.update(JOBS, {**again, "losses": 0, "cancelling": False}, JOBS.c.id == job_id)

        await self._change(principal, work)
        if self._workers is not None:
            self._workers.wake()
        return await self.get(job_id, principal)

    async def counts(self) -> Mapping[tuple[str, JobState], int]:
        periodic = [kind.name for kind in self._rail.job_kinds() if kind.every is not None]
        # Told by their kinds, so that an index says it all: this must not hold up writers where there are many jobs.
        enqueued = select(JOBS.c.kind, JOBS.c.state, func.count()).where(JOBS.c.kind.not_in(periodic))
        statement = enqueued.group_by(JOBS.c.state, JOBS.c.kind)
        rows = await self._database.sweep(lambda connection: connection.execute(statement).all())
        return {(kind, state): count for kind, state, count in rows}

    async def forget(self) -> None:
        """Remove jobs that ended long ago."""
        before = time.time() - self._keep
        while await self._database.sweep(lambda connection: forget_ended(connection, before)):
            pass

    async def _change(self, principal: Principal | None, work: Callable[[Unit], None]) -> None:
        if principal is None:
            await self._database.sweep(lambda connection: work(Everybody(connection)))
        else:
            await self._database.write(principal, work)

    async def _jobs(self, rows: Sequence[RowMapping]) -> Sequence[Job]:
        ids = {row["worker"] for row in rows if row["worker"] is not None}
        names: dict[str, str] = {}
        if ids:
            statement = select(WORKERS.c.id, WORKERS.c.name).where(WORKERS.c.id.in_(ids))
            names = dict((await self._database.sweep(lambda connection: connection.execute(statement).all())) or ())
        return [job_of(row, names.get(row["worker"])) for row in rows]


def _there(row: RowMapping | None, job_id: str, principal: Principal | None) -> RowMapping:
    if row is None or (row["periodic"] and principal is not None):
        raise NotFound(f"There is no job '{job_id}'.")
    return row


def _enqueued(row: RowMapping | None, job_id: str, principal: Principal | None) -> RowMapping:
    found = _there(row, job_id, principal)
    if found["periodic"]:
        raise Conflict(f"Nobody has enqueued '{job_id}': it is done again and again, by itself.")
    return found
