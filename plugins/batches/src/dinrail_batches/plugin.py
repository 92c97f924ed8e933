"""Declares the ``batches`` service and its kinds of job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

from dinrail_batches.config import BatchesConfig
from dinrail_core.api.batches.contract import Batches
from dinrail_core.api.files.contract import Files
from dinrail_core.api.jobs import Job, JobKind, JobRun, Jobs
from dinrail_core.api.operations import Operations
from dinrail_core.hooks import Context, ServiceType, hookimpl
from dinrail_sdk.sql.contract import Database

DINRAIL_API = ">=1.0,<2"


@asynccontextmanager
async def _open(config: BatchesConfig, context: Context) -> AsyncIterator[object]:
    opening = await asyncio.to_thread(_implementation)
    yield await opening.open_batches(config, context)


def _implementation() -> ModuleType:
    """The implementation; importing it brings SQLAlchemy, which takes too long for the event loop."""
    from dinrail_batches import opening

    return opening


async def _run(service: Any, job: JobRun) -> None:
    await service.work.run(job)


async def _close(service: Any, job: JobRun) -> None:
    await service.work.end(job, job.payload["end"])


async def _given_up(service: Any, job: Job) -> None:
    await service.given_up(job)


async def _stopped(service: Any, job: Job) -> None:
    await service.stopped(job)


async def _sweep(service: Any, job: JobRun) -> None:
    await service.sweep()


BATCHES = ServiceType(
    name="batches",
    config=BatchesConfig,
    provides=frozenset({Batches}),
    requires=frozenset({Database, Files, Jobs, Operations}),
    open=_open,
    jobs=(
        JobKind(
            name="batch",
            run=_run,
            ended=_stopped,
            concurrency=4,
            attempts=20,
            backoff=2.0,
            summary="Asks the lines of a batch",
        ),
        JobKind(
            name="batch-closing",
            run=_close,
            ended=_given_up,
            concurrency=2,
            attempts=20,
            backoff=2.0,
            summary="Writes the files of a batch that was cancelled or has failed",
        ),
        JobKind(name="batch-sweep", run=_sweep, every=3600.0, summary="Removes what is left of batches"),
    ),
    summary="Batches of requests",
)


@hookimpl
def dinrail_services() -> Iterable[ServiceType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_services`."""
    yield BATCHES
