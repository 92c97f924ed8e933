"""Declares the ``tavily`` provider."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import HttpUrl

from dinrail_core.api.web_search import WebSearcher
from dinrail_core.hooks import ProviderType, Secret, hookimpl
from dinrail_sdk.providers import detector, opener
from dinrail_sdk.upstream import BaseUrl, Upstream, UpstreamConfig

__all__ = ["DINRAIL_API", "TAVILY", "TavilyConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class TavilyConfig(UpstreamConfig):
    """An account with Tavily."""

    base_url: BaseUrl = HttpUrl("https://api.tavily.com")
    """Where its API is."""
    api_key: Secret | None
    """The key, `tvly-…`."""
    search_depth: Literal["ultra-fast", "fast", "basic", "advanced"] = "basic"
    """How thoroughly it looks; `advanced` costs two credits."""


def _make(config: TavilyConfig, upstream: Upstream) -> object:
    from dinrail_tavily.provider import Tavily

    return Tavily(upstream, depth=config.search_depth)


TAVILY = ProviderType(
    name="tavily",
    config=TavilyConfig,
    apis=frozenset({WebSearcher}),
    open=opener(_make),
    detect=detector(key=("TAVILY_API_KEY",)),
    summary="Web search by Tavily",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield TAVILY
