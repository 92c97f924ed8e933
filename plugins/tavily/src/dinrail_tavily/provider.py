"""Tavily's ``POST /search``, as its documentation has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from dinrail_core.api.call import Call
from dinrail_core.api.web_search import WebPage, WebQuery, WebSearcher
from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.upstream import Upstream
from dinrail_sdk.web_search import sound
from dinrail_tavily.countries import COUNTRIES

__all__ = ["Tavily"]


class Tavily(WebSearcher):
    """A search engine made for models: its texts are passages that speak to the query.

    Args:
        upstream: Its API.
        depth: ``search_depth`` of every search.
    """

    def __init__(self, upstream: Upstream, *, depth: str) -> None:
        self._upstream = upstream
        self._depth = depth

    async def search(self, query: WebQuery, call: Call) -> Sequence[WebPage]:
        """See :meth:`WebSearcher.search`."""
        asked: dict[str, Any] = {"query": query.query, "max_results": query.count, "search_depth": self._depth}
        if query.domains:
            asked["include_domains"] = list(query.domains)
        country = COUNTRIES.get(query.location.country or "") if query.location is not None else None
        if country is not None:
            asked["country"] = country
        text = await self._upstream.post("search", orjson.dumps(asked), call)
        try:
            pages = [_page(result) for result in orjson.loads(text)["results"]]
        except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
            raise UpstreamInvalid("The upstream's answer is not that of Tavily.") from None
        return sound(pages, query)


def _page(result: dict[str, Any]) -> WebPage:
    url, title, text = result["url"], result.get("title") or "", result.get("content") or ""
    if not all(isinstance(one, str) for one in (url, title, text)):
        raise TypeError
    published = result.get("published_date")
    return WebPage(url=url, title=title, text=text, published=published if isinstance(published, str) else None)
