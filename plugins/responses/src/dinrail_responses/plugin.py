"""Declares the ``responses`` service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field

from dinrail_core.api.jobs import Job, JobKind, JobRun
from dinrail_core.api.responses.contract import Responses
from dinrail_core.hooks import Context, ServiceType, hookimpl
from dinrail_core.hooks.secrets import Secret
from dinrail_sdk.sql.contract import Database

if TYPE_CHECKING:
    from dinrail_responses.service import ResponseService

__all__ = ["DINRAIL_API", "RESPONSES", "ResponsesConfig", "dinrail_services"]

DINRAIL_API = ">=1.0,<2"


class ResponsesConfig(BaseModel, extra="forbid", defer_build=True):
    """How far a response may go."""

    secret: Secret | None = None
    """What encrypted content is sealed with; servers behind one load balancer need the same. Without it, a file's."""
    max_turns: Annotated[int, Field(ge=1, le=1000)] = 64
    """How often the model is asked for one response."""
    max_calls: Annotated[int, Field(ge=1, le=10_000)] = 256
    """Calls of tools that the server runs for one response."""
    calls_at_once: Annotated[int, Field(ge=1, le=100)] = 8
    """Calls that run side by side."""
    max_tool_output: Annotated[int, Field(ge=1000)] = 200_000
    """Characters of a call's output that the model is told; the rest is cut off."""
    max_seconds: Annotated[float, Field(gt=0)] = 3600.0
    """Seconds after which no further turn is begun."""


@asynccontextmanager
async def _open(config: ResponsesConfig, context: Context) -> AsyncIterator[object]:
    database = await context.rail.service(Database)
    assembly = await asyncio.to_thread(_assembly)
    yield assembly.assemble(config, context, database)


def _assembly() -> ModuleType:
    """Importing it brings SQLAlchemy and all types of items, which takes too long for the event loop."""
    from dinrail_responses import assembly

    return assembly


async def _run(service: ResponseService, job: JobRun) -> None:
    await service.background.run(job)


async def _ended(service: ResponseService, job: Job) -> None:
    await service.background.ended(job)


RESPONSES = ServiceType(
    name="responses",
    config=ResponsesConfig,
    provides=frozenset({Responses}),
    requires=frozenset({Database}),
    open=_open,
    jobs=(
        JobKind(name="response", run=_run, ended=_ended, concurrency=32, summary="Responses made in the background"),
    ),
    summary="Responses: models with tools, and what came of them",
)


@hookimpl
def dinrail_services() -> Iterable[ServiceType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_services`."""
    yield RESPONSES
