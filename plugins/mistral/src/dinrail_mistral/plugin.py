"""Declares the ``mistral`` provider."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import HttpUrl

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelSource
from dinrail_core.hooks import ProviderType, hookimpl
from dinrail_sdk.providers import detector, opener
from dinrail_sdk.upstream import BaseUrl, Upstream, UpstreamConfig

__all__ = ["DINRAIL_API", "MISTRAL", "MistralConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class MistralConfig(UpstreamConfig):
    """How Mistral is reached."""

    base_url: BaseUrl = HttpUrl("https://api.mistral.ai/v1")


def _make(config: MistralConfig, upstream: Upstream) -> object:
    from dinrail_mistral.provider import Mistral

    return Mistral(upstream)


MISTRAL = ProviderType(
    name="mistral",
    config=MistralConfig,
    apis=frozenset({ChatModel, Embedder, ModelSource}),
    open=opener(_make),
    detect=detector(key=("MISTRAL_API_KEY",)),
    summary="Mistral's own models",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield MISTRAL
