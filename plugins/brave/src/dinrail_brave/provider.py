"""Brave's ``GET /web/search``, as its documentation has it."""

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

__all__ = ["Brave"]

_COUNTRIES = frozenset(
    {
        "AR",
        "AT",
        "AU",
        "BE",
        "BR",
        "CA",
        "CH",
        "CL",
        "CN",
        "DE",
        "DK",
        "ES",
        "FI",
        "FR",
        "GB",
        "GR",
        "HK",
        "ID",
        "IN",
        "IT",
        "JP",
        "KR",
        "MX",
        "MY",
        "NL",
        "NO",
        "NZ",
        "PH",
        "PL",
        "PT",
        "RU",
        "SA",
        "SE",
        "TR",
        "TW",
        "US",
        "ZA",
    }
)
"""Countries that it takes; it refuses all others."""
_LONGEST_QUERY = 400


class Brave(WebSearcher):
    """An engine with an index of its own.

    Args:
        upstream: Its API.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def search(self, query: WebQuery, call: Call) -> Sequence[WebPage]:
        """See :meth:`WebSearcher.search`; domains are told as operators, so more pages than wanted are asked for."""
        count = query.count if not query.domains else 20
        asked = {
            "q": with_sites(query)[:_LONGEST_QUERY],
            "count": str(count),
            "text_decorations": "false",
            "result_filter": "web",
            "extra_snippets": "true" if query.context != "low" else "false",
        }
        if query.location is not None and query.location.country in _COUNTRIES:
            asked["country"] = query.location.country or ""
        text = await self._upstream.get(f"web/search?{urlencode(asked)}", call)
        try:
            found = orjson.loads(text)
            pages = [_page(result) for result in (found.get("web") or {"results": []})["results"]]
        except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
            raise UpstreamInvalid("The upstream's answer is not that of Brave Search.") from None
        return sound(pages, query)


def _page(result: dict[str, Any]) -> WebPage:
    texts = [result.get("description") or "", *(result.get("extra_snippets") or ())]
    url, title = result["url"], result.get("title") or ""
    if not all(isinstance(one, str) for one in (url, title, *texts)):
        raise TypeError
    published = result.get("page_age")
    return WebPage(
        url=url,
        title=title,
        text="\n".join(dict.fromkeys(text for text in texts if text)),
        published=published if isinstance(published, str) else None,
    )
