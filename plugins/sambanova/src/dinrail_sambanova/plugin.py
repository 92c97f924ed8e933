"""Declares the ``sambanova`` provider."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import HttpUrl

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelSource
from dinrail_core.hooks import ProviderType, hookimpl
from dinrail_sdk.providers import detector, opener
from dinrail_sdk.upstream import BaseUrl, Upstream, UpstreamConfig

__all__ = ["DINRAIL_API", "SAMBANOVA", "SambaNovaConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class SambaNovaConfig(UpstreamConfig):
    """How SambaNova is reached."""

    base_url: BaseUrl = HttpUrl("https://api.sambanova.ai/v1")


def _make(config: SambaNovaConfig, upstream: Upstream) -> object:
    from dinrail_sambanova.provider import SambaNova

    return SambaNova(upstream)


SAMBANOVA = ProviderType(
    name="sambanova",
    config=SambaNovaConfig,
    apis=frozenset({ChatModel, CompletionModel, Embedder, ModelSource}),
    open=opener(_make),
    detect=detector(key=("SAMBANOVA_API_KEY",)),
    summary="Models hosted by SambaNova",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield SAMBANOVA
