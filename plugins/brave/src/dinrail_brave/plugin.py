"""Declares the ``brave`` provider."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import HttpUrl

from dinrail_core.api.web_search import WebSearcher
from dinrail_core.hooks import ProviderType, Secret, hookimpl
from dinrail_sdk.providers import detector, opener
from dinrail_sdk.upstream import BaseUrl, Upstream, UpstreamConfig

__all__ = ["BRAVE", "DINRAIL_API", "BraveConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class BraveConfig(UpstreamConfig):
    """An account with Brave Search."""

    base_url: BaseUrl = HttpUrl("https://api.search.brave.com/res/v1")
    """Where its API is."""
    api_key: Secret | None
    """The subscription's token."""


def _authorize(key: str) -> tuple[str, str]:
    return "x-subscription-token", key


def _make(config: BraveConfig, upstream: Upstream) -> object:
    from dinrail_brave.provider import Brave

    return Brave(upstream)


BRAVE = ProviderType(
    name="brave",
    config=BraveConfig,
    apis=frozenset({WebSearcher}),
    open=opener(_make, authorize=_authorize),
    detect=detector(key=("BRAVE_API_KEY", "BRAVE_SEARCH_API_KEY")),
    summary="Web search by Brave",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield BRAVE
