"""A service whose jobs do what a test says, for tests of engines and of what relies on them.

::

    async def work(shop: Workshop, run: JobRun) -> None:
        await run.step("one", …)

    async with open_rail(workshop(work), plugins=["database", "jobs"]) as rail:
        jobs = await rail.service(Jobs)
        job = await until(jobs, await jobs.enqueue("work", {}, Call()))
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from pydantic import BaseModel

from dinrail_core.api.jobs import Job, JobKind, JobRun, Jobs, JobState
from dinrail_core.hooks import Context, ServiceType

__all__ = ["Workshop", "until", "workshop"]

_ENDED = ("completed", "failed", "cancelled")
_PAUSE = 0.02


class _NoConfig(BaseModel, extra="forbid"):
    """Nothing to configure."""


class Workshop:
    """What jobs are done on.

    Attributes:
        ends: The ended jobs that it was told of.
        is_open: Whether it is open.
    """

    def __init__(self) -> None:
        self.ends: list[Job] = []
        self.is_open = True
        self._told = asyncio.Event()

    def tell(self, job: Job) -> None:
        """A job has ended."""
        self.ends.append(job)
        self._told.set()

    async def told(self, count: int, seconds: float = 30.0) -> None:
        """Wait until it was told of so many ends."""
        async with asyncio.timeout(seconds):
            while len(self.ends) < count:
                self._told.clear()
                await self._told.wait()


Work = Callable[[Workshop, JobRun], Awaitable[None]]


def workshop(work: Work, *, made: list[Workshop] | None = None, **options: Any) -> ServiceType:
    """A service with jobs of the kind ``work``.

    Args:
        work: What a job does.
        made: Filled with the services that are opened.
        options: The kind's; attempts follow each other quickly.
    """

    @asynccontextmanager
    async def opened(config: _NoConfig, context: Context) -> AsyncIterator[object]:
        shop = Workshop()
        if made is not None:
            made.append(shop)
        yield shop
        shop.is_open = False

    async def ended(shop: Workshop, job: Job) -> None:
        shop.tell(job)

    kind = JobKind(**{"name": "work", "run": work, "ended": ended, "backoff": 0.01, **options})
    return ServiceType(
        name="workshop",
        config=_NoConfig,
        provides=frozenset({Workshop}),
        open=opened,
        jobs=(kind,),
        summary="For tests",
    )


async def until(jobs: Jobs, job_id: str, *states: JobState, seconds: float = 30.0) -> Job:
    """The job, once it is in one of these states, or has ended where none is named.

    Raises:
        TimeoutError: It does not come to that.
    """
    async with asyncio.timeout(seconds):
        while True:
            job = await jobs.get(job_id, None)
            if job.state in (states or _ENDED):
                return job
            await asyncio.sleep(_PAUSE)
