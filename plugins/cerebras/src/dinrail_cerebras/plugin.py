"""Declares the ``cerebras`` provider."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import HttpUrl

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.provider import ModelSource
from dinrail_core.hooks import ProviderType, hookimpl
from dinrail_sdk.providers import detector, opener
from dinrail_sdk.upstream import BaseUrl, Upstream, UpstreamConfig

__all__ = ["CEREBRAS", "DINRAIL_API", "CerebrasConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class CerebrasConfig(UpstreamConfig):
    """How Cerebras is reached."""

    base_url: BaseUrl = HttpUrl("https://api.cerebras.ai/v1")


def _make(config: CerebrasConfig, upstream: Upstream) -> object:
    from dinrail_cerebras.provider import Cerebras

    return Cerebras(upstream)


CEREBRAS = ProviderType(
    name="cerebras",
    config=CerebrasConfig,
    apis=frozenset({ChatModel, CompletionModel, ModelSource}),
    open=opener(_make),
    detect=detector(key=("CEREBRAS_API_KEY",)),
    summary="Models hosted by Cerebras",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield CEREBRAS
