"""Declares the ``conversations`` service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Annotated

from pydantic import BaseModel, Field

from dinrail_core.api.conversations import Conversations
from dinrail_core.hooks import Context, ServiceType, hookimpl
from dinrail_sdk.sql.contract import Database

DINRAIL_API = ">=1.0,<2"


class ConversationsConfig(BaseModel, extra="forbid", defer_build=True):
    """How conversations are locked."""

    lease: Annotated[float, Field(ge=0.3, le=25)] = 15.0
    """Seconds after which the lock of a process that was killed is free; a living one renews it in time."""


@asynccontextmanager
async def _open(config: ConversationsConfig, context: Context) -> AsyncIterator[object]:
    from dinrail_conversations.service import ConversationService

    yield ConversationService(await context.rail.service(Database), config.lease)


CONVERSATIONS = ServiceType(
    name="conversations",
    config=ConversationsConfig,
    provides=frozenset({Conversations}),
    requires=frozenset({Database}),
    open=_open,
    summary="Conversations as ordered logs of items",
)


@hookimpl
def dinrail_services() -> Iterable[ServiceType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_services`."""
    yield CONVERSATIONS
