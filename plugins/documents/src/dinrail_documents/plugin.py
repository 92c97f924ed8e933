"""Declares the ``documents`` service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field

from dinrail_core.api.documents.contract import Documents
from dinrail_core.api.files.contract import Files
from dinrail_core.api.jobs import Job, JobKind, JobRun, Jobs
from dinrail_core.hooks import Context, Rail, ServiceType, hookimpl
from dinrail_sdk.sql.contract import Database

if TYPE_CHECKING:
    from dinrail_documents.service import DocumentService

__all__ = ["DINRAIL_API", "DOCUMENTS", "DocumentsConfig", "dinrail_services"]

DINRAIL_API = ">=1.0,<2"


class DocumentsConfig(BaseModel, extra="forbid", defer_build=True):
    """Which parsers read documents, and within what limits."""

    parsers: tuple[str, ...] = ()
    """Instances that are asked first, in this order; the built-in parser reads what they do not."""
    context_model: str | None = None
    """The chat model that writes what chunks are about, where a request with a contextual strategy names none."""
    max_bytes: Annotated[int, Field(ge=1)] = 128 * 1024 * 1024
    """The largest file that is read."""
    max_characters: Annotated[int, Field(ge=1000)] = 20_000_000
    """The most text that a file may hold."""
    expansion: Annotated[int, Field(ge=1)] = 50
    """How many characters of text a byte of a file may become, beyond a first million of them."""
    max_pages: Annotated[int, Field(ge=1)] = 5_000
    """The most pages of a PDF."""
    cpu_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    """Seconds of computing time that a file may take to read."""
    memory: Annotated[int, Field(ge=256 * 1024 * 1024)] = 2 * 1024 * 1024 * 1024
    """Bytes of address space of the process that reads."""
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    """Files that are read at once."""


@asynccontextmanager
async def _open(config: DocumentsConfig, context: Context) -> AsyncIterator[object]:
    implementation = await asyncio.to_thread(_implementation)
    async with implementation.DocumentService.opened(config, context.rail) as service:
        yield service


def _implementation() -> ModuleType:
    """Importing it brings SQLAlchemy, which takes too long for the event loop."""
    from dinrail_documents import service

    return service


async def _process(service: DocumentService, job: JobRun) -> None:
    await service.run(job)


async def _ended(service: DocumentService, job: Job) -> None:
    await service.ended(job)


async def _sweep(service: DocumentService, job: JobRun) -> None:
    await service.sweep()


async def _anything_old(rail: Rail) -> bool:
    from dinrail_documents.retention import anything_old

    return await (await rail.service(Database)).sweep(anything_old)


DOCUMENTS = ServiceType(
    name="documents",
    config=DocumentsConfig,
    provides=frozenset({Documents}),
    requires=frozenset({Database, Files, Jobs}),
    open=_open,
    jobs=(
        JobKind(name="process-file", run=_process, ended=_ended, concurrency=2, summary="Reads and cuts a file"),
        JobKind(
            name="process-file-sweep",
            run=_sweep,
            every=25.0,
            wanted=_anything_old,
            summary="Removes results that are a day old",
        ),
    ),
    summary="Reads documents and cuts them into chunks",
)


@hookimpl
def dinrail_services() -> Iterable[ServiceType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_services`."""
    yield DOCUMENTS
