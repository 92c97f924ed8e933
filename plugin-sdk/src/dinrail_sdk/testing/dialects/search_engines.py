"""Search engines: Tavily, Brave and SearXNG, written from their documentation."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from dinrail_sdk.testing.dialect import Dialect, Rendered, Request
from dinrail_sdk.testing.script import Asked, Found, Refused, Script

__all__ = ["BRAVE_WIRE", "SEARXNG_WIRE", "TAVILY_WIRE"]

_SITE = re.compile(r"site:([^\s()]+)")
_COUNTRIES = frozenset({"ch", "switzerland"})


class TavilyWire(Dialect):
    """``POST /search``."""

    name = "Tavily"

    def read(self, request: Request) -> Asked:
        if (request.method, request.path) != ("POST", "/search"):
            raise LookupError(request.path)
        data = request.json
        if not isinstance(data.get("query"), str) or not 0 <= data.get("max_results", 5) <= 20:
            raise ValueError("query or max_results")
        if data.get("country") not in (None, *_COUNTRIES):
            raise ValueError("country")
        return Asked(
            api="web_search",
            query=data["query"],
            count=data.get("max_results", 5),
            domains=tuple(data.get("include_domains", ())),
            location={"country": data["country"]} if "country" in data else {},
        )

    def say(self, script: Script, asked: Asked) -> Rendered:
        assert isinstance(script, Found)
        results = [
            {
                "url": page.url,
                "title": page.title,
                "content": page.text,
                "score": 0.9 - number / 1000,
                "raw_content": None,
                **({"published_date": page.published} if page.published else {}),
            }
            for number, page in enumerate(script.pages)
        ]
        return Rendered.whole(
            {
                "query": asked.query,
                "follow_up_questions": None,
                "answer": None,
                "images": [],
                "results": results,
                "response_time": 0.67,
                "request_id": "kit",
            }
        )

    def refuse(self, refused: Refused) -> Rendered:
        return _refusal(refused, {"detail": {"error": refused.message}})


class BraveWire(Dialect):
    """``GET /web/search``."""

    name = "Brave Search"
    prefix = "/res/v1"

    def read(self, request: Request) -> Asked:
        parts = urlsplit(request.path)
        if (request.method, parts.path) != ("GET", "/res/v1/web/search"):
            raise LookupError(request.path)
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if not 1 <= len(given["q"]) <= 400 or not 1 <= int(given.get("count", 20)) <= 20:
            raise ValueError("q or count")
        query, domains = _without_sites(given["q"])
        return Asked(
            api="web_search",
            query=query,
            count=int(given.get("count", 20)),
            domains=domains,
            location={"country": given["country"]} if "country" in given else {},
        )

    def say(self, script: Script, asked: Asked) -> Rendered:
        assert isinstance(script, Found)
        results: list[dict[str, Any]] = [
            {
                "type": "search_result",
                "subtype": "generic",
                "url": page.url,
                "title": page.title,
                "description": page.text,
                "language": "en",
                **({"page_age": page.published} if page.published else {}),
            }
            for page in script.pages
        ]
        web = {"web": {"type": "search", "results": results, "family_friendly": True}} if results else {}
        return Rendered.whole({"type": "search", "query": {"original": asked.query}, "mixed": {}, **web})

    def refuse(self, refused: Refused) -> Rendered:
        error = {"id": "kit", "status": refused.status, "code": refused.code or "KIT", "detail": refused.message}
        return _refusal(refused, {"type": "ErrorResponse", "error": error, "time": 1_700_000_000})

    def credentials(self, request: Request) -> str | None:
        return request.headers.get("x-subscription-token")


class SearxngWire(Dialect):
    """``GET /search?format=json``; a key is what a proxy in front of it wants."""

    name = "SearXNG"

    def read(self, request: Request) -> Asked:
        parts = urlsplit(request.path)
        if (request.method, parts.path) != ("GET", "/search"):
            raise LookupError(request.path)
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if given.get("format") != "json" or not given.get("q"):
            raise ValueError("format or q")
        query, domains = _without_sites(given["q"])
        _, _, country = given.get("language", "all").partition("-")
        return Asked(api="web_search", query=query, domains=domains, location={"country": country} if country else {})

    def say(self, script: Script, asked: Asked) -> Rendered:
        assert isinstance(script, Found)
        results = [
            {
                "url": page.url,
                "title": page.title,
                "content": page.text,
                "publishedDate": page.published,
                "engine": "kit",
                "engines": ["kit"],
                "positions": [number],
                "score": 1.0,
                "category": "general",
            }
            for number, page in enumerate(script.pages, 1)
        ]
        rest: dict[str, list[str]] = {"answers": [], "corrections": [], "infoboxes": [], "suggestions": []}
        return Rendered.whole({"query": asked.query, "number_of_results": 0, "results": results, **rest})

    def refuse(self, refused: Refused) -> Rendered:
        return _refusal(refused, {"error": refused.message})


def _without_sites(query: str) -> tuple[str, tuple[str, ...]]:
    """What was searched for, and the domains among its operators."""
    domains = tuple(_SITE.findall(query))
    return re.sub(r" (\(site:[^)]*\)|site:\S+)$", "", query), domains


def _refusal(refused: Refused, said: object) -> Rendered:
    headers = {} if refused.retry_after is None else {"retry-after": str(refused.retry_after)}
    if refused.text is not None:
        body = refused.text.encode()
        return Rendered(pieces=(body,), status=refused.status, content_type="text/plain", headers=headers)
    return Rendered.whole(said, status=refused.status, headers=headers)


TAVILY_WIRE = TavilyWire()
BRAVE_WIRE = BraveWire()
SEARXNG_WIRE = SearxngWire()
