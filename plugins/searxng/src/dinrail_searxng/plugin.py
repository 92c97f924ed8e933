"""Declares the ``searxng`` provider."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import HttpUrl

from dinrail_core.api.web_search import WebSearcher
from dinrail_core.hooks import ProviderType, hookimpl
from dinrail_sdk.providers import detector, opener
from dinrail_sdk.upstream import BaseUrl, Upstream, UpstreamConfig

__all__ = ["DINRAIL_API", "SEARXNG", "SearxngConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class SearxngConfig(UpstreamConfig):
    """A SearXNG instance, whose `search.formats` must have `json`."""

    base_url: BaseUrl = HttpUrl("http://127.0.0.1:8888")
    """Where it is."""
    engines: tuple[str, ...] = ()
    """Which of its engines are asked; its own choice where none is named."""
    language: str = "all"
    """The language of what is found, like `de` or `de-CH`, where a request tells no country."""


def _make(config: SearxngConfig, upstream: Upstream) -> object:
    from dinrail_searxng.provider import Searxng

    return Searxng(upstream, engines=config.engines, language=config.language)


SEARXNG = ProviderType(
    name="searxng",
    config=SearxngConfig,
    apis=frozenset({WebSearcher}),
    open=opener(_make),
    detect=detector(key=("SEARXNG_API_KEY",), url={"SEARXNG_URL": "{}", "SEARXNG_BASE_URL": "{}"}, keyless=True),
    summary="Web search by a SearXNG instance",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield SEARXNG
