"""SearXNG's ``GET /search``, as its documentation ("Search API") has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import orjson

from dinrail_core.api.call import Call
from dinrail_core.api.web_search import WebPage, WebQuery, WebSearcher
from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.upstream import Upstream
from dinrail_sdk.web_search import sound, with_sites

__all__ = ["Searxng"]


class Searxng(WebSearcher):
    """An instance that asks other engines.

    Args:
        upstream: The instance.
        engines: Which engines it asks; its own choice where there are none.
        language: As it takes it.
    """

    def __init__(self, upstream: Upstream, *, engines: Sequence[str], language: str) -> None:
        self._upstream = upstream
        self._engines = ",".join(engines)
        self._language = language

    async def search(self, query: WebQuery, call: Call) -> Sequence[WebPage]:
        """See :meth:`WebSearcher.search`; it has no count and no domains, so both are seen to here."""
        asked = {"q": with_sites(query), "format": "json", "language": self._language}
        if self._engines:
            asked["engines"] = self._engines
        if query.location is not None and query.location.country and self._language == "all":
            asked["language"] = f"all-{query.location.country}"
        text = await self._upstream.get(f"search?{urlencode(asked)}", call)
        try:
            pages = [_page(result) for result in orjson.loads(text)["results"]]
        except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
            raise UpstreamInvalid("The upstream's answer is not that of SearXNG.") from None
        return sound(pages, query)


def _page(result: dict[str, Any]) -> WebPage:
    url, title, text = result["url"], result.get("title") or "", result.get("content") or ""
    if not all(isinstance(one, str) for one in (url, title, text)):
        raise TypeError
    published = result.get("publishedDate")
    return WebPage(url=url, title=title, text=text, published=published if isinstance(published, str) else None)
