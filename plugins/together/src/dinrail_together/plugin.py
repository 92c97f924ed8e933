"""Declares the ``together`` provider."""

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

__all__ = ["DINRAIL_API", "TOGETHER", "TogetherConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class TogetherConfig(RespondingConfig):
    """How Together AI is reached."""

    base_url: BaseUrl = HttpUrl("https://api.together.ai/v1")


def _make(config: TogetherConfig, upstream: Upstream) -> object:
    from dinrail_together.provider import Together

    return Together(upstream, responses=config.responses)


TOGETHER = ProviderType(
    name="together",
    config=TogetherConfig,
    apis=frozenset({ChatModel, CompletionModel, Embedder, Reranker, ModelSource}),
    optional={NativeResponses: "responses"},
    open=opener(_make),
    detect=detector(key=("TOGETHER_API_KEY",)),
    summary="Models hosted by Together AI",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield TOGETHER
