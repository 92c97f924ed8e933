"""Declares the ``openrouter`` provider."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import HttpUrl

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelSource
from dinrail_core.api.rerank import Reranker
from dinrail_core.api.responses.contract import NativeResponses
from dinrail_core.hooks import ProviderType, hookimpl
from dinrail_sdk.providers import detector, opener
from dinrail_sdk.upstream import BaseUrl, RespondingConfig, Upstream

__all__ = ["DINRAIL_API", "OPENROUTER", "OpenRouterConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class OpenRouterConfig(RespondingConfig):
    """How OpenRouter is reached."""

    base_url: BaseUrl = HttpUrl("https://openrouter.ai/api/v1")


def _make(config: OpenRouterConfig, upstream: Upstream) -> object:
    from dinrail_openrouter.provider import OpenRouter

    return OpenRouter(upstream, responses=config.responses)


OPENROUTER = ProviderType(
    name="openrouter",
    config=OpenRouterConfig,
    apis=frozenset({ChatModel, CompletionModel, Embedder, Reranker, ModelSource}),
    optional={NativeResponses: "responses"},
    open=opener(_make),
    detect=detector(key=("OPENROUTER_API_KEY",)),
    summary="OpenRouter, one address for many providers",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield OPENROUTER
