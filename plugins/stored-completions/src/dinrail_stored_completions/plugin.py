"""Declares the ``stored-completions`` service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pydantic import BaseModel

from dinrail_core.api.stored_completions import StoredCompletions
from dinrail_core.hooks import Context, ServiceType, hookimpl
from dinrail_sdk.sql.contract import Database

if TYPE_CHECKING:
    from dinrail_stored_completions.service import StoredCompletionService

DINRAIL_API = ">=1.0,<2"


class StoredCompletionsConfig(BaseModel, extra="forbid", defer_build=True):
    """Nothing to configure: stored completions are rows of the database."""


@asynccontextmanager
async def _open(config: StoredCompletionsConfig, context: Context) -> AsyncIterator[object]:
    database = await context.rail.service(Database)
    yield (await asyncio.to_thread(_service))(database)


def _service() -> type[StoredCompletionService]:
    """The implementation; importing it brings SQLAlchemy, which takes too long for the event loop."""
    from dinrail_stored_completions.service import StoredCompletionService

    return StoredCompletionService


STORED_COMPLETIONS = ServiceType(
    name="stored-completions",
    config=StoredCompletionsConfig,
    provides=frozenset({StoredCompletions}),
    requires=frozenset({Database}),
    open=_open,
    summary="Chat completions that callers want kept",
)


@hookimpl
def dinrail_services() -> Iterable[ServiceType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_services`."""
    yield STORED_COMPLETIONS
