"""Declares the ``vector-stores`` service."""

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
from dinrail_core.api.vector_stores.contract import VectorStores
from dinrail_core.hooks import Context, Rail, ServiceType, hookimpl
from dinrail_sdk.sql.contract import Database

if TYPE_CHECKING:
    from dinrail_vector_stores.service import VectorStoreService

__all__ = ["DINRAIL_API", "VECTOR_STORES", "VectorStoresConfig", "dinrail_services"]

DINRAIL_API = ">=1.0,<2"


class VectorStoresConfig(BaseModel, extra="forbid", defer_build=True):
    """Which models and which vector database stores use where a request names none."""

    embedding_model: str | None = None
    """The model that texts become vectors by; the first that embeds where not given."""
    provider: str | None = None
    """The instance that keeps vectors; the first vector database where not given."""
    rerank_model: str | None = None
    """A model that ranks what was found, unless a search says otherwise. Without one nothing is reranked by itself."""
    rewrite_model: str | None = None
    """The chat model that makes queries fit for searching, for searches that ask for that (``rewrite_query``)."""
    embedding_weight: Annotated[float, Field(ge=0, le=1)] = 0.6
    """How much meaning counts in hybrid searches that say nothing of it; the rest is words."""
    batch: Annotated[int, Field(ge=1, le=2048)] = 100
    """Chunks that are embedded at once."""


@asynccontextmanager
async def _open(config: VectorStoresConfig, context: Context) -> AsyncIterator[object]:
    implementation = await asyncio.to_thread(_implementation)
    yield await implementation.VectorStoreService.of(config, context.rail)


def _implementation() -> ModuleType:
    """Importing it brings SQLAlchemy, which takes too long for the event loop."""
    from dinrail_vector_stores import service

    return service


async def _ingest(service: VectorStoreService, job: JobRun) -> None:
    await service.ingestion.run(job)


async def _not_ingested(service: VectorStoreService, job: Job) -> None:
    await service.ingestion.ended(job)


async def _reembed(service: VectorStoreService, job: JobRun) -> None:
    await service.reembedding.run(job)


async def _not_reembedded(service: VectorStoreService, job: Job) -> None:
    await service.reembedding.ended(job)


async def _sweep(service: VectorStoreService, job: JobRun) -> None:
    await service.removal.sweep()


async def _anything_over(rail: Rail) -> bool:
    from dinrail_vector_stores.removal import anything_over

    return await (await rail.service(Database)).sweep(anything_over)


async def _take_up(service: VectorStoreService, job: JobRun) -> None:
    await service.adding.take_up()
    await service.reembedding.take_up()


async def _anything_waits(rail: Rail) -> bool:
    from dinrail_vector_stores.adding import anything_waits
    from dinrail_vector_stores.reembedding import anything_on_its_way

    database = await rail.service(Database)
    return await database.sweep(anything_waits) or await database.sweep(anything_on_its_way)


VECTOR_STORES = ServiceType(
    name="vector-stores",
    config=VectorStoresConfig,
    provides=frozenset({VectorStores}),
    requires=frozenset({Database, Files, Documents, Jobs}),
    open=_open,
    jobs=(
        JobKind(
            name="vector-store-files",
            run=_ingest,
            ended=_not_ingested,
            concurrency=2,
            attempts=4,
            summary="Takes files into a vector store",
        ),
        JobKind(
            name="vector-store-reembedding",
            run=_reembed,
            ended=_not_reembedded,
            concurrency=1,
            attempts=6,
            summary="Embeds a vector store's texts by another model",
        ),
        JobKind(
            name="vector-store-sweep",
            run=_sweep,
            every=20.0,
            wanted=_anything_over,
            summary="Removes what is left of deleted files and of stores whose time is over",
        ),
        JobKind(
            name="vector-store-take-up",
            run=_take_up,
            every=120.0,
            wanted=_anything_waits,
            summary="Takes up files and stores that a process has left without a job",
        ),
    ),
    summary="Files that are found by meaning and by words",
)


@hookimpl
def dinrail_services() -> Iterable[ServiceType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_services`."""
    yield VECTOR_STORES
