"""A service whose jobs do what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from pydantic import BaseModel

from dinrail_core.api.jobs import Job, JobKind, JobRun, Jobs, JobState
from dinrail_core.hooks import Context, ServiceType
from dinrail_sdk.sql.contract import Database

__all__ = ["Workshop", "until", "workshop"]

PLUGINS = ("database", "jobs")
ENDED = ("completed", "failed", "cancelled")


class NoConfig(BaseModel, extra="forbid"):
    """Nothing."""


class Workshop:
    """What jobs are done on.

    Attributes:
        ends: The ends that it was told of: the job's id and its state.
        is_open: Whether it is open.
    """

    def __init__(self) -> None:
        self.ends: list[Job] = []
        self.is_open = True


Work = Callable[[Workshop, JobRun], Awaitable[None]]


def workshop(work: Work, *, made: list[Workshop] | None = None, **options: Any) -> ServiceType:
    """A service with jobs of the kind ``work``.

    Args:
        work: What a job does.
        made: Filled with the services that are opened.
        options: The kind's.
    """

    @asynccontextmanager
    async def opened(config: NoConfig, context: Context) -> AsyncIterator[object]:
        shop = Workshop()
        if made is not None:
            made.append(shop)
        yield shop
        shop.is_open = False

    async def ended(shop: Workshop, job: Job) -> None:
        shop.ends.append(job)

    kind = JobKind(**{"name": "work", "run": work, "ended": ended, "backoff": 0.01, **options})
    return ServiceType(
        name="workshop",
        config=NoConfig,
        provides=frozenset({Workshop}),
        requires=frozenset({Database}),
        open=opened,
        jobs=(kind,),
    )


async def until(jobs: Jobs, job_id: str, *states: JobState, seconds: float = 30) -> Job:
    """The job, once it is in one of these states (or has ended, where none is named)."""
    async with asyncio.timeout(seconds):
        while True:
            job = await jobs.get(job_id, None)
            if job.state in (states or ENDED):
                return job
            await asyncio.sleep(0.02)
