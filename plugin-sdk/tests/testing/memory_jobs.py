"""An engine of jobs that forgets everything with its shelf, and is right otherwise."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel

from dinrail_core.api.call import LOCAL, Call, Principal
from dinrail_core.api.jobs import Job, JobFailed, JobKind, JobProgress, JobRun, Jobs, JobState, Json
from dinrail_core.errors import Conflict, DinrailError, NotFound, NothingServes
from dinrail_core.hooks import Context, Rail, ServiceType

__all__ = ["Entry", "MemoryJobs", "Run", "Shelf", "engine"]


@dataclass
class Entry:
    """A job, and what belongs to it."""

    job: Job
    call: Call
    key: str | None
    due_at: float
    periodic: bool = False
    failures: int = 0
    untold: bool = False
    steps: dict[str, Json] = field(default_factory=dict)


Shelf = dict[str, Entry]


class Run(JobRun):
    def __init__(self, engine: MemoryJobs, entry: Entry) -> None:
        self.id, self.payload, self.call = entry.job.id, entry.job.payload, entry.call
        self.attempt = entry.job.attempt
        self.engine, self.entry = engine, entry
        self.task: asyncio.Task[None] | None = None

    async def step(self, name: str, work: Callable[[str], Awaitable[Json]]) -> Json:
        if name not in self.entry.steps:
            self.entry.steps[name] = await work(f"{self.id}/{name}")
        return self.entry.steps[name]

    async def progress(self, done: int, total: int | None = None, note: str = "") -> None:
        self.engine.change(self.entry, progress=JobProgress(done, total, note))

    @property
    def cancelled(self) -> bool:
        return self.entry.job.cancelling


class MemoryJobs(Jobs):
    """An engine over a shelf.

    Args:
        shelf: Where the jobs are.
        rail: Where their services are.
    """

    run_type: type[Run] = Run

    def __init__(self, shelf: Shelf, rail: Rail) -> None:
        self.shelf, self.rail = shelf, rail
        self.kinds: Mapping[str, JobKind] = {kind.name: kind for kind in rail.job_kinds()}
        self.runs: dict[str, Run] = {}
        self.doing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        for name, kind in self.kinds.items():
            if kind.every is not None:
                job = Job(id=f"every-{name}", kind=name, principal=LOCAL, state="queued", payload={}, created_at=0)
                self.shelf.setdefault(job.id, Entry(job, Call(), None, 0, periodic=True))
        task = asyncio.create_task(self.look())
        try:
            yield
        finally:
            task.cancel()
            for run in self.runs.values():
                assert run.task is not None
                run.task.cancel()
            if self.doing:
                await asyncio.wait(self.doing)

    async def look(self) -> None:
        while True:
            for entry in list(self.shelf.values()):
                if entry.untold:
                    entry.untold = False
                    ended = self.kinds[entry.job.kind].ended
                    assert ended is not None
                    await ended(await self.rail.service_for(entry.job.kind), entry.job)
                elif entry.job.state == "queued" and entry.due_at <= time.time() and self.has_room(entry):
                    if await self.wanted(self.kinds[entry.job.kind]):
                        self.begin(entry)
                    else:
                        entry.due_at = time.time() + (self.kinds[entry.job.kind].every or 0.0)
            await asyncio.sleep(0.01)

    async def wanted(self, kind: JobKind) -> bool:
        try:
            return kind.wanted is None or await kind.wanted(self.rail)
        except Exception:  # the look's own, whatever it is
            return False

    def has_room(self, entry: Entry) -> bool:
        kind = self.kinds[entry.job.kind]
        running = [one.entry.job for one in self.runs.values() if one.entry.job.kind == kind.name]
        theirs = [job for job in running if job.principal.tenant == entry.job.principal.tenant]
        return len(running) < kind.concurrency and (kind.per_tenant is None or len(theirs) < kind.per_tenant)

    def begin(self, entry: Entry) -> None:
        self.change(
            entry,
            state="running",
            attempt=entry.failures + 1,
            started_at=entry.job.started_at or time.time(),
            worker="this process",
        )
        run = self.runs[entry.job.id] = self.run_type(self, entry)
        run.task = asyncio.create_task(self.do(run))
        self.doing.add(run.task)
        run.task.add_done_callback(self.doing.discard)

    async def do(self, run: Run) -> None:
        kind = self.kinds[run.entry.job.kind]
        try:
            await kind.run(await self.rail.service_for(kind.name), run)
        except asyncio.CancelledError:
            if run.entry.job.cancelling:
                self.end(run.entry, "cancelled")
            else:
                self.change(run.entry, state="queued", worker=None)
        except Exception as error:  # the work's own, whatever it is
            self.fail(run.entry, kind, error)
        else:
            self.end(run.entry, "completed")
        finally:
            del self.runs[run.id]

    def fail(self, entry: Entry, kind: JobKind, error: Exception) -> None:
        self.change(entry, error=self.said(error), worker=None)
        entry.failures += 1
        if isinstance(error, JobFailed) or entry.failures >= kind.attempts:
            self.end(entry, "failed")
        else:
            entry.due_at = time.time() + kind.backoff
            self.change(entry, state="queued")

    def said(self, error: Exception) -> Mapping[str, str]:
        if isinstance(error, DinrailError):
            return {"code": error.code, "message": error.message}
        return {"code": "internal_error", "message": f"The work failed ({type(error).__name__})."}

    def end(self, entry: Entry, state: JobState) -> None:
        kind = self.kinds[entry.job.kind]
        if kind.every is not None:
            entry.due_at = time.time() + kind.every
            entry.steps.clear()
            entry.failures = 0
            error = None if state == "completed" else entry.job.error
            self.change(entry, state="queued", ended_at=time.time(), worker=None, error=error)
            return
        error = None if state == "completed" else entry.job.error
        self.change(entry, state=state, ended_at=time.time(), worker=None, cancelling=False, error=error)
        entry.failures = 0
        entry.untold = state != "completed" and kind.ended is not None

    def change(self, entry: Entry, **values: Any) -> None:
        entry.job = replace(entry.job, **values)

    async def enqueue(
        self, kind: str, payload: Mapping[str, Json], call: Call, *, key: str | None = None, delay: float = 0.0
    ) -> str:
        if kind not in self.kinds:
            raise NothingServes("There is no such kind.")
        for entry in self.shelf.values():
            if key is not None and self.same(entry, kind, key, call.principal):
                return entry.job.id
        now = time.time()
        job_id = f"job_{len(self.shelf):04}"
        job = Job(id=job_id, kind=kind, principal=call.principal, state="queued", payload=payload, created_at=now)
        self.shelf[job_id] = Entry(job, call, key, now + delay)
        return job_id

    def same(self, entry: Entry, kind: str, key: str, principal: Principal) -> bool:
        return (entry.job.kind, entry.key, entry.job.principal) == (kind, key, principal)

    def found(self, job_id: str, principal: Principal | None) -> Entry:
        entry = self.shelf.get(job_id)
        if entry is None or not self.sees(principal, entry):
            raise NotFound("There is no such job.")
        return entry

    def sees(self, principal: Principal | None, entry: Entry) -> bool:
        return principal is None or (principal == entry.job.principal and not entry.periodic)

    async def get(self, job_id: str, principal: Principal | None) -> Job:
        return self.found(job_id, principal).job

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
        entries = [entry for entry in reversed(self.shelf.values()) if entry.periodic == periodic]
        jobs = [entry.job for entry in entries if self.sees(principal, entry)]
        wanted = [job for job in jobs if after is None or job.id < after]
        return [job for job in wanted if kind in (None, job.kind) and state in (None, job.state)][:limit]

    async def cancel(self, job_id: str, principal: Principal | None) -> Job:
        entry = self.found(job_id, principal)
        if entry.periodic:
            raise Conflict("Nobody has enqueued it.")
        if entry.job.state == "queued":
            self.end(entry, "cancelled")
        elif entry.job.state == "running":
            self.change(entry, cancelling=True)
            task = self.runs[job_id].task
            assert task is not None
            task.cancel()
        return entry.job

    async def retry(self, job_id: str, principal: Principal | None) -> Job:
        entry = self.found(job_id, principal)
        if entry.periodic or entry.job.state not in ("failed", "cancelled") or entry.untold:
            raise Conflict("It has not failed.")
        self.change(entry, state="queued", ended_at=None)
        return entry.job

    async def counts(self) -> Mapping[tuple[str, JobState], int]:
        return Counter((entry.job.kind, entry.job.state) for entry in self.shelf.values() if not entry.periodic)


class _Config(BaseModel, extra="forbid"):
    """Nothing to configure."""


def engine(shelf: Shelf, kind: type[MemoryJobs], *, working: bool) -> ServiceType:
    """A service that is an engine over a shelf."""

    @asynccontextmanager
    async def opened(config: _Config, context: Context) -> AsyncIterator[object]:
        jobs = kind(shelf, context.rail)
        if not working:
            yield jobs
            return
        async with jobs.at_work():
            yield jobs

    return ServiceType(
        name="memory-jobs",
        config=_Config,
        provides=frozenset({Jobs}),
        open=opened,
        eager=lambda config, context: working,
    )
