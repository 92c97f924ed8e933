"""Declares the ``fireworks`` provider."""

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

__all__ = ["DINRAIL_API", "FIREWORKS", "FireworksConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class FireworksConfig(RespondingConfig):
    """How Fireworks AI is reached."""

    base_url: BaseUrl = HttpUrl("https://api.fireworks.ai/inference/v1")


def _make(config: FireworksConfig, upstream: Upstream) -> object:
    from dinrail_fireworks.provider import Fireworks

    return Fireworks(upstream, responses=config.responses)


FIREWORKS = ProviderType(
    name="fireworks",
    config=FireworksConfig,
    apis=frozenset({ChatModel, CompletionModel, Embedder, Reranker, ModelSource}),
    optional={NativeResponses: "responses"},
    open=opener(_make),
    detect=detector(key=("FIREWORKS_API_KEY",)),
    summary="Models hosted by Fireworks AI",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield FIREWORKS
