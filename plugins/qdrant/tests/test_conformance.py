"""The index keeps its contract: the real engine in this process, and the client in its local mode."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, ClassVar

import httpx
import pytest
from pydantic import HttpUrl
from qdrant_client import AsyncQdrantClient
from qdrant_client.http.exceptions import UnexpectedResponse

from dinrail_core.hooks import Context
from dinrail_qdrant.plugin import QDRANT, QdrantConfig
from dinrail_qdrant.server import QdrantServer
from dinrail_sdk.testing import FakeUpstream, VectorIndexSuite
from dinrail_sdk.testing.vector_runs import ESSENTIAL


class TestEmbeddedQdrant(VectorIndexSuite):
    provider = QDRANT
    against = "Qdrant's engine in this process"
    unsupported: ClassVar[Mapping[str, str]] = {"two_processes": "the engine has its files for itself"}

    def config(self, upstream: FakeUpstream) -> QdrantConfig:
        return QdrantConfig()


class LocalMode:
    """The client computing by itself, with errors as the server's answers would be."""

    def __init__(self, client: AsyncQdrantClient) -> None:
        self.client = client

    def __getattr__(self, name: str) -> Any:
        async def ask(*args: Any, **kwargs: Any) -> Any:
            try:
                return await getattr(self.client, name)(*args, **kwargs)
            except ValueError as error:
                status = 404 if "not found" in str(error) else 409 if "already exists" in str(error) else 400
                raise UnexpectedResponse(status, str(error), b"", httpx.Headers()) from None

        return ask


@asynccontextmanager
async def open_local(config: QdrantConfig, context: Context) -> AsyncIterator[object]:
    client = AsyncQdrantClient(path=str(context.folder()))
    try:
        yield QdrantServer(LocalMode(client), config)  # type: ignore[arg-type]  # it stands for one
    finally:
        await client.close()


@pytest.mark.filterwarnings(
    "ignore:Payload indexes have no effect:UserWarning", "ignore:Local mode performs exact:UserWarning"
)
class TestQdrantClient(VectorIndexSuite):
    provider = replace(QDRANT, open=open_local)
    against = "the server's client in its local mode, which computes by itself"
    every_run = ESSENTIAL
    unsupported: ClassVar[Mapping[str, str]] = {
        "durable": "the local mode stands for a server, which another process would reach",
        "two_processes": "the local mode locks its folder; a server serves many",
        "many": "the local mode computes in Python",
        "filter_far_away": "the local mode takes ten seconds for it",
        "loop_stays_free": "the local mode computes on the event loop; a server's client waits there",
    }

    def config(self, upstream: FakeUpstream) -> QdrantConfig:
        return QdrantConfig(url=HttpUrl("http://127.0.0.1:9"))
