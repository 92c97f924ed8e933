"""Web search: one function for the model, over whatever search engine is configured."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic_core import from_json, to_json

from dinrail_core.api.items.tools import Location, WebSearchPreviewTool, WebSearchTool
from dinrail_core.api.web_search import SearchContext, SearchLocation, WebPage, WebQuery, WebSearcher
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import (
    DinrailError,
    InvalidRequest,
    RequestError,
    Unavailable,
    UnsupportedFeature,
    UpstreamError,
)
from dinrail_core.hooks.context import Rail
from dinrail_responses.tools.interface import Desk, Exchange, Json, ModelCall, Offer, Pen, Told, ToolKind, ToolSet
from dinrail_responses.tools.numbering import numbered

__all__ = ["WebSearchKind"]

_NAME = "web_search"
_PREVIEW = frozenset({"web_search_preview", "web_search_preview_2025_03_11"})
_COUNTS: Mapping[SearchContext, int] = {"low": 3, "medium": 5, "high": 10}
"""Pages of one search, by how much of the web the model is to be shown."""
_RESULTS = "web_search_call.results"
"""No specification says how results look; they are kept for who asks for them."""
_MOST_QUERIES = 4
_LONGEST_QUERY = 1_000
_MOST_DOMAINS = 100
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class WebSearchKind(ToolKind):
    """Web search; where several engines are configured, the first that answers is asked.

    A request that wants no access to the web is offered those that are offline, and without one no search. Several
    tools of a request that bound searches alike are one, which shows as much of the web as the most generous of them;
    others are offered one by one, so that none is used beyond its own bounds.
    """

    tool_types = frozenset({"web_search", "web_search_2025_08_26"}) | _PREVIEW
    item_types = frozenset({"web_search_call"})
    optional = True

    def installed(self, rail: Rail) -> bool:
        """See :meth:`ToolKind.installed`."""
        return bool(rail.instances(WebSearcher))

    @asynccontextmanager
    async def open(self, tools: Mapping[int, Json], desk: Desk) -> AsyncIterator[ToolSet]:
        """See :meth:`ToolKind.open`."""
        engines = list(desk.rail.instances(WebSearcher).values())
        searches: dict[tuple[frozenset[str], bool], _Search] = {}
        for index, given in tools.items():
            wanted, offline = _wanted(given, index), given.get("external_web_access") is False
            search = searches.setdefault(
                (frozenset(wanted.domains), offline),
                _Search(wanted, [engine for engine in engines if engine.offline or not offline], f"tools.{index}"),
            )
            search.wanted = _more(search.wanted, wanted)
            search.types.add(given["type"])
        yield _WebSearch(list(searches.values()), desk)

    def replayed(self, item: Json, items: Mapping[str, Json]) -> Exchange | None:
        """See :meth:`ToolKind.replayed`; of what was found only the addresses are kept."""
        action = item["action"]
        queries = action.get("queries") or ([action["query"]] if action.get("query") else [])
        if action.get("type") != "search" or not queries:
            return None
        arguments = to_json({"queries": queries}).decode()
        sources = "\n".join(source["url"] for source in action.get("sources") or () if "url" in source)
        told = f"Found before:\n{sources}" if sources else "(What was found then is not kept.)"
        return Exchange(ModelCall(id=item["id"], name=_NAME, arguments=arguments), told)


@dataclass(slots=True)
class _Search:
    """What tools that bound searches alike say.

    Attributes:
        wanted: What every search is to be.
        engines: Who may be asked.
        place: Where the first of the tools stands in the request.
        types: Their types.
    """

    wanted: WebQuery
    engines: Sequence[WebSearcher]
    place: str
    types: set[str] = field(default_factory=set)


class _WebSearch(ToolSet):
    def __init__(self, searches: Sequence[_Search], desk: Desk) -> None:
        self._searches = searches
        self._opened = numbered(_NAME, [search for search in searches if search.engines])
        self._desk = desk

    def offers(self) -> Sequence[Offer]:
        queries = {
            "type": "array",
            "items": {"type": "string"},
            "minItems": 1,
            "maxItems": _MOST_QUERIES,
            "description": "What to search for; a few words each, as for a search engine.",
        }
        return [
            Offer(
                name=name,
                description=(
                    "Searches the web and returns passages of pages, each with a mark like 【1】. "
                    "Repeat the mark of a page behind every sentence that rests on it." + _where(search.wanted)
                ),
                parameters={
                    "type": "object",
                    "properties": {"queries": queries},
                    "required": ["queries"],
                    "additionalProperties": False,
                },
            )
            for name, search in self._opened.items()
        ]

    def chosen(self, choice: Json) -> Collection[str]:
        meant = [search for search in self._searches if choice["type"] in search.types] or self._searches
        if not any(search.engines for search in meant):
            raise UnsupportedFeature(
                f"The choice names '{choice['type']}', which must not reach the web, and no engine here is offline.",
                param=f"{meant[0].place}.external_web_access",
            )
        return [name for name, search in self._opened.items() if search in meant]

    async def run(self, call: ModelCall, pen: Pen) -> Told:
        queries = _queries(call.arguments)
        action: Json = {"type": "search", "queries": queries}
        if queries:
            action["query"] = queries[0]
        item: Json = {
            "type": "web_search_call",
            "id": self._desk.new_id("web_search_call"),
            "status": "in_progress",
            "action": action,
        }
        pen.added(item)
        pen.event("response.web_search_call.in_progress")
        pen.event("response.web_search_call.searching")
        found: list[tuple[str, Sequence[WebPage]]] = []
        failure = "" if queries else "The arguments have no queries."
        for query in queries:
            try:
                found.append((query, await self._search(self._opened[call.name], query)))
            except DinrailError as error:
                failure = error.message
        done = {**item, "status": "completed" if found else "failed"}
        pages = {page.url: page for _, several in found for page in several}
        done["action"] = {**action, "sources": [{"type": "url", "url": url} for url in pages]}
        if _RESULTS in self._desk.include:
            done["results"] = [{"url": page.url, "title": page.title, "text": page.text} for page in pages.values()]
        if found:
            pen.event("response.web_search_call.completed")  # there is no event for a search that failed
        pen.done(done)
        if not found:
            return f"The search failed. {failure}"
        return "\n\n".join(self._told(query, several) for query, several in found)

    async def _search(self, search: _Search, query: str) -> Sequence[WebPage]:
        """Ask one engine after the other until one answers."""
        wanted = replace(search.wanted, query=query)
        failure: DinrailError = Unavailable("No search engine is open.")
        for engine in search.engines:
            try:
                return await engine.search(wanted, self._desk.call)
            except (UpstreamError, Unavailable, RequestError) as error:
                failure = error
        raise failure

    def _told(self, query: str, pages: Sequence[WebPage]) -> str:
        if not pages:
            return f"Nothing was found for: {query}"
        parts = [f"Found for: {query}"]
        for page in pages:
            mark = self._desk.cite({"type": "url_citation", "url": page.url, "title": page.title})
            published = f" ({page.published})" if page.published else ""
            parts.append(f"{mark} {page.title}{published}\n{page.url}\n{page.text}")
        return "\n\n".join(parts)


def _wanted(given: Json, index: int) -> WebQuery:
    """What a request's tool says of every search."""
    if given["type"] in _PREVIEW:
        tool: Any = decode_request(WebSearchPreviewTool, given)
        domains: tuple[str, ...] = ()
    else:
        tool = decode_request(WebSearchTool, given)
        filters = given.get("filters") or {}
        domains = tuple(_domain(domain, index) for domain in filters.get("allowed_domains") or ())
    if len(domains) > _MOST_DOMAINS:
        raise InvalidRequest(f"There are more than {_MOST_DOMAINS} domains.", param=f"tools.{index}.filters")
    context: SearchContext = given.get("search_context_size", "medium")
    return WebQuery(
        query="",
        count=_COUNTS[context],
        domains=domains,
        location=_location(tool.user_location),
        context=context,
    )


def _more(one: WebQuery, other: WebQuery) -> WebQuery:
    """One within the same bounds that asks for as much as either, near the place that was named first."""
    most = max(one, other, key=lambda query: query.count)
    return replace(most, location=one.location or other.location, domains=one.domains)


def _where(wanted: WebQuery) -> str:
    return f" Only pages of {', '.join(wanted.domains)} are found." if wanted.domains else ""


def _domain(given: str, index: int) -> str:
    domain = given.strip().lower().removeprefix("https://").removeprefix("http://").rstrip("/.")
    if not _DOMAIN.fullmatch(domain):
        raise InvalidRequest(
            "A domain is a name like 'example.org', without a path.", param=f"tools.{index}.filters.allowed_domains"
        )
    return domain


def _location(given: Any) -> SearchLocation | None:
    if not isinstance(given, Location):
        return None
    country, region, city, timezone = (
        value if isinstance(value, str) and value else None
        for value in (given.country, given.region, given.city, given.timezone)
    )
    if not (country or region or city or timezone):
        return None
    return SearchLocation(country=country.upper() if country else None, region=region, city=city, timezone=timezone)


def _queries(arguments: str) -> list[str]:
    """What the model wants to search for; some models write one ``query`` for the list."""
    try:
        given = from_json(arguments)
    except ValueError:
        return []
    if not isinstance(given, dict):
        return []
    several = given.get("queries", given.get("query"))
    several = [several] if isinstance(several, str) else several
    if not isinstance(several, list):
        return []
    found = [query.strip()[:_LONGEST_QUERY] for query in several if isinstance(query, str) and query.strip()]
    return list(dict.fromkeys(found))[:_MOST_QUERIES]
