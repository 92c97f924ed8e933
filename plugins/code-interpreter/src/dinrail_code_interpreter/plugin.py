"""Declares the ``code-interpreter`` service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, Field

from dinrail_core.api.containers import CodeInterpreter, Containers
from dinrail_core.api.jobs import JobKind, JobRun, Jobs
from dinrail_core.hooks import Context, Rail, ServiceType, hookimpl
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.upstream import Seconds

if TYPE_CHECKING:
    from dinrail_code_interpreter.service import ContainerService

__all__ = ["CODE_INTERPRETER", "DINRAIL_API", "CodeInterpreterConfig", "dinrail_services"]

DINRAIL_API = ">=1.0,<2"


class CodeInterpreterConfig(BaseModel, extra="forbid", defer_build=True):
    """How code that a model wrote is run."""

    python: Path | None = None
    """The interpreter, with the libraries that are installed for it; the server's own where left out."""
    timeout: Seconds = 60.0
    """Seconds that code may take."""
    max_memory: Literal["1g", "4g", "16g", "64g"] = "1g"
    """The most memory that a request may ask for, for each process."""
    max_container_bytes: Annotated[int, Field(ge=2**20)] = 512 * 2**20
    """Bytes of all files in a container."""
    max_processes: Annotated[int, Field(ge=4, le=4096)] = 64
    """Processes and threads at once in a container."""
    max_running: Annotated[int, Field(ge=1, le=1024)] = 4
    """Containers in which code runs at the same time; others wait."""
    expires_after_minutes: Annotated[int, Field(ge=1, le=43_200)] = 20
    """Minutes without use after which a container is removed, where it was not made for another time."""


@asynccontextmanager
async def _open(config: CodeInterpreterConfig, context: Context) -> AsyncIterator[object]:
    service = (await asyncio.to_thread(_service))(
        await context.rail.service(Database), context.rail, config, context.folder()
    )
    async with service.running(clearing=context.serving):
        yield service


def _service() -> type[ContainerService]:
    from dinrail_code_interpreter.service import ContainerService

    return ContainerService


def _always(config: CodeInterpreterConfig, context: Context) -> bool:
    """Whether code can be run here is better known at the start than at the first request."""
    return context.serving


async def _sweep(service: ContainerService, job: JobRun) -> None:
    await service.sweep()


async def _anything_over(rail: Rail) -> bool:
    from dinrail_code_interpreter.expiry import anything_over

    return await (await rail.service(Database)).sweep(anything_over)


CODE_INTERPRETER = ServiceType(
    name="code-interpreter",
    config=CodeInterpreterConfig,
    provides=frozenset({CodeInterpreter, Containers}),
    requires=frozenset({Database, Jobs}),
    open=_open,
    eager=_always,
    jobs=(
        JobKind(
            name="container-sweep",
            run=_sweep,
            every=10.0,
            wanted=_anything_over,
            summary="Removes containers whose time is over",
        ),
    ),
    summary="Runs Python that a model wrote, in containers without a network",
)


@hookimpl
def dinrail_services() -> Iterable[ServiceType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_services`."""
    yield CODE_INTERPRETER
