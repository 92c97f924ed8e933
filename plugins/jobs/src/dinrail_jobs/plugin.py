"""Declares the ``jobs`` service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field

from dinrail_core.api.jobs import JobKind, JobRun, Jobs
from dinrail_core.hooks import Command, Context, ServiceType, hookimpl
from dinrail_jobs.commands import COMMANDS
from dinrail_jobs.contract import Worker
from dinrail_sdk.sql.contract import Database

if TYPE_CHECKING:
    from dinrail_jobs.service import JobService

__all__ = ["DINRAIL_API", "JOBS", "JobsConfig", "dinrail_commands", "dinrail_services"]

DINRAIL_API = ">=1.0,<2"

_DAY = 86_400.0


class JobsConfig(BaseModel, extra="forbid", defer_build=True):
    """How work that outlives a request is done. Jobs are rows of the database."""

    workers: bool = True
    """Whether the server does jobs itself. With `false` it only takes them in, and `dinrail worker` does them."""
    lease: Annotated[float, Field(ge=2, le=25)] = 8.0
    """Seconds without a sign of life after which a process is dead, and others take over its jobs."""
    keep_days: Annotated[float, Field(gt=0, le=3650)] = 30.0
    """Days for which a job that has ended can be looked at, and for which its idempotency key counts."""


@asynccontextmanager
async def _open(config: JobsConfig, context: Context) -> AsyncIterator[object]:
    database = await context.rail.service(Database)
    implementation = await asyncio.to_thread(_implementation)
    service = implementation.JobService(database, context.rail, config.lease, config.keep_days * _DAY)
    async with service.open(working=config.workers and context.serving):
        yield service


def _implementation() -> ModuleType:
    """Importing it brings SQLAlchemy, which takes too long for the event loop."""
    from dinrail_jobs import service

    return service


def _eager(config: JobsConfig, context: Context) -> bool:
    """Where there is a database there may be jobs that wait."""
    return config.workers and context.rail.is_open(Database)


async def _forget(service: JobService, run: JobRun) -> None:
    await service.forget()


JOBS = ServiceType(
    name="jobs",
    config=JobsConfig,
    provides=frozenset({Jobs, Worker}),
    requires=frozenset({Database}),
    open=_open,
    eager=_eager,
    jobs=(JobKind(name="jobs.forget", run=_forget, every=3600.0, summary="Remove jobs that ended long ago"),),
    summary="Work that outlives a request",
)


@hookimpl
def dinrail_services() -> Iterable[ServiceType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_services`."""
    yield JOBS


@hookimpl
def dinrail_commands() -> Iterable[Command]:
    """See :func:`dinrail_core.hooks.specs.dinrail_commands`."""
    return COMMANDS
