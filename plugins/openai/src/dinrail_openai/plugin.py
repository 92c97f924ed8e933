"""Declares the ``openai`` provider."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import HttpUrl

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.moderations import Moderator
from dinrail_core.api.provider import ModelSource
from dinrail_core.api.responses.contract import NativeResponses
from dinrail_core.hooks import ProviderType, hookimpl
from dinrail_sdk.providers import detector, opener
from dinrail_sdk.upstream import BaseUrl, Upstream, UpstreamConfig

__all__ = ["DINRAIL_API", "OPENAI", "OpenAIConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class OpenAIConfig(UpstreamConfig):
    """How OpenAI is reached."""

    base_url: BaseUrl = HttpUrl("https://api.openai.com/v1")


def _make(config: OpenAIConfig, upstream: Upstream) -> object:
    from dinrail_openai.provider import OpenAI

    return OpenAI(upstream)


OPENAI = ProviderType(
    name="openai",
    config=OpenAIConfig,
    apis=frozenset({ChatModel, CompletionModel, Embedder, Moderator, NativeResponses, ModelSource}),
    open=opener(_make),
    detect=detector(key=("OPENAI_API_KEY",)),
    summary="OpenAI's own models",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield OPENAI
