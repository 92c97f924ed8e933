"""Declares the ``prompts`` service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pydantic import BaseModel

from dinrail_core.api.prompts import Prompts
from dinrail_core.hooks import Context, ServiceType, hookimpl
from dinrail_sdk.sql.contract import Database

if TYPE_CHECKING:
    from dinrail_prompts.service import PromptService

DINRAIL_API = ">=1.0,<2"


class PromptsConfig(BaseModel, extra="forbid", defer_build=True):
    """Nothing to configure: prompts are rows of the database."""


@asynccontextmanager
async def _open(config: PromptsConfig, context: Context) -> AsyncIterator[object]:
    database = await context.rail.service(Database)
    yield (await asyncio.to_thread(_service))(database)


def _service() -> type[PromptService]:
    """The implementation; importing it brings SQLAlchemy, which takes too long for the event loop."""
    from dinrail_prompts.service import PromptService

    return PromptService


PROMPTS = ServiceType(
    name="prompts",
    config=PromptsConfig,
    provides=frozenset({Prompts}),
    requires=frozenset({Database}),
    open=_open,
    summary="Stored prompts with versions",
)


@hookimpl
def dinrail_services() -> Iterable[ServiceType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_services`."""
    yield PROMPTS
