"""Declares the ``webhooks`` service and its kind of job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

from dinrail_core.api.jobs import JobKind, JobRun, Jobs
from dinrail_core.api.webhooks.contract import Webhooks
from dinrail_core.hooks import Context, ServiceType, hookimpl
from dinrail_sdk.sql.contract import Database
from dinrail_webhooks.config import WebhooksConfig

DINRAIL_API = ">=1.0,<2"


@asynccontextmanager
async def _open(config: WebhooksConfig, context: Context) -> AsyncIterator[object]:
    implementation = await asyncio.to_thread(_implementation)
    keyring = await asyncio.to_thread(implementation.keyring_of, config, context)
    database, jobs = await context.rail.service(Database), await context.rail.service(Jobs)
    yield implementation.WebhookService(config, database, jobs, context.outbound, keyring)


def _implementation() -> ModuleType:
    """The implementation; importing it brings SQLAlchemy, which takes too long for the event loop."""
    from dinrail_webhooks import service

    return service


async def _deliver(service: Any, job: JobRun) -> None:
    await service.deliver(job)


WEBHOOKS = ServiceType(
    name="webhooks",
    config=WebhooksConfig,
    provides=frozenset({Webhooks}),
    requires=frozenset({Database, Jobs}),
    open=_open,
    jobs=(
        JobKind(
            name="webhook",
            run=_deliver,
            concurrency=8,
            attempts=100,
            backoff=5.0,
            summary="Tells an endpoint of an event",
        ),
    ),
    summary="Endpoints that are told of events",
)


@hookimpl
def dinrail_services() -> Iterable[ServiceType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_services`."""
    yield WEBHOOKS
