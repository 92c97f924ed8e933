"""Declares the ``openai-compatible`` provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Annotated

from pydantic import Field

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.moderations import Moderator
from dinrail_core.api.provider import ModelSource
from dinrail_core.api.rerank import Reranker
from dinrail_core.api.responses.contract import NativeResponses
from dinrail_core.hooks import Context, ProviderType, hookimpl
from dinrail_openai_compatible.narrowing import Api
from dinrail_sdk.upstream.config import RespondingConfig

__all__ = ["DINRAIL_API", "OPENAI_COMPATIBLE", "OpenAICompatibleConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class OpenAICompatibleConfig(RespondingConfig):
    """A server that speaks OpenAI's dialect."""

    models: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)] | None = None
    """The names of its models, for a server that lists none or too many; without it the server is asked."""
    apis: Annotated[frozenset[Api], Field(min_length=1)] | None = None
    """What it serves beside responses, where that is not everything; calls of the rest get a clear answer without
    asking it."""


@asynccontextmanager
async def _open(config: OpenAICompatibleConfig, context: Context) -> AsyncIterator[object]:
    from dinrail_openai_compatible.provider import OpenAICompatible
    from dinrail_sdk.upstream import connect

    async with connect(config) as upstream:
        yield OpenAICompatible(upstream, config)


OPENAI_COMPATIBLE = ProviderType(
    name="openai-compatible",
    config=OpenAICompatibleConfig,
    apis=frozenset({ChatModel, CompletionModel, Embedder, Reranker, Moderator, ModelSource}),
    optional={NativeResponses: "responses"},
    open=_open,
    summary="Any server that speaks OpenAI's dialect, by URL and key",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield OPENAI_COMPATIBLE
