"""The SDK's own relay passes every suite: it is the provider that most plugins derive from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.moderations import Moderator
from dinrail_core.api.provider import ModelSource
from dinrail_core.api.rerank import Reranker
from dinrail_core.hooks import Context, ProviderType
from dinrail_sdk.openai import OpenAIDialect
from dinrail_sdk.testing import (
    ChatModelSuite,
    CompletionModelSuite,
    EmbedderSuite,
    FakeUpstream,
    ModelSourceSuite,
    ModeratorSuite,
    RerankerSuite,
)
from dinrail_sdk.upstream import UpstreamConfig, connect


class RelayConfig(UpstreamConfig):
    pass


@asynccontextmanager
async def _open(config: RelayConfig, context: Context) -> AsyncIterator[object]:
    async with connect(config) as upstream:
        yield OpenAIDialect(upstream)


RELAY = ProviderType(
    name="relay",
    config=RelayConfig,
    apis=frozenset({ChatModel, CompletionModel, Embedder, Reranker, Moderator, ModelSource}),
    open=_open,
)


class TestOpenAIDialect(
    ChatModelSuite, CompletionModelSuite, EmbedderSuite, RerankerSuite, ModeratorSuite, ModelSourceSuite
):
    provider = RELAY

    def config(self, upstream: FakeUpstream) -> RelayConfig:
        return RelayConfig.model_validate({"base_url": upstream.url, "api_key": "sk-configured-0123456789"})
