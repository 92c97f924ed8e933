"""Declares the ``idempotency`` service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from types import ModuleType
from typing import TYPE_CHECKING

from pydantic import BaseModel

from dinrail_core.api.idempotency import IdempotencyKeys
from dinrail_core.api.jobs import JobKind, JobRun, Jobs
from dinrail_core.hooks import Context, Rail, ServiceType, hookimpl
from dinrail_sdk.sql.contract import Database

if TYPE_CHECKING:
    from dinrail_idempotency.service import StoredKeys

DINRAIL_API = ">=1.0,<2"


class IdempotencyConfig(BaseModel, extra="forbid", defer_build=True):
    """Nothing to configure: keys are rows of the database, for 24 hours."""


@asynccontextmanager
async def _open(config: IdempotencyConfig, context: Context) -> AsyncIterator[object]:
    database = await context.rail.service(Database)
    service = await asyncio.to_thread(_service)
    yield service.StoredKeys(database)


def _service() -> ModuleType:
    """The implementation; importing it brings SQLAlchemy, which takes too long for the event loop."""
    from dinrail_idempotency import service

    return service


async def _sweep(service: StoredKeys, job: JobRun) -> None:
    await service.sweep()


async def _anything_expired(rail: Rail) -> bool:
    from dinrail_idempotency.service import anything_expired

    return await (await rail.service(Database)).sweep(anything_expired)


IDEMPOTENCY = ServiceType(
    name="idempotency",
    config=IdempotencyConfig,
    provides=frozenset({IdempotencyKeys}),
    requires=frozenset({Database, Jobs}),
    open=_open,
    jobs=(
        JobKind(
            name="idempotency-sweep",
            run=_sweep,
            every=25.0,
            wanted=_anything_expired,
            summary="Removes idempotency keys that are a day old",
        ),
    ),
    summary="Requests that may be sent again",
)


@hookimpl
def dinrail_services() -> Iterable[ServiceType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_services`."""
    yield IDEMPOTENCY
