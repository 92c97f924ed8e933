from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import TypeAdapter
from tool_desk import NotedPen, OneRail, Written, desk

from dinrail_core.api.call import Call
from dinrail_core.api.items.unions import Item
from dinrail_core.api.web_search import SearchLocation, WebPage, WebQuery, WebSearcher
from dinrail_core.errors import InvalidRequest, UnsupportedFeature, UpstreamUnavailable
from dinrail_responses.tools.interface import Exchange, Json, ModelCall, ToolSet
from dinrail_responses.tools.web_search import WebSearchKind

ITEM: TypeAdapter[Any] = TypeAdapter(Item)
TOOL: Json = {"type": "web_search"}


class Engine(WebSearcher):
    """Finds a page for each query, or fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.asked: list[WebQuery] = []

    async def search(self, query: WebQuery, call: Call) -> Sequence[WebPage]:
        self.asked.append(query)
        if self.failure is not None:
            raise self.failure
        if query.query == "nothing":
            return []
        return [
            WebPage(url=f"https://a.example/{query.query}", title=query.query.upper(), text=f"About {query.query}.")
        ]


@asynccontextmanager
async def opened(written: Written, *engines: Engine, tool: Json = TOOL, more: Sequence[Json] = (), **rest: Any) -> Any:
    instances: dict[type, dict[str, Engine]] = {WebSearcher: {f"e{n}": one for n, one in enumerate(engines)}}
    there = desk(written, instances=instances, **rest)
    async with WebSearchKind().open(dict(enumerate([tool, *more])), there) as found:
        yield found


async def ask(tools: ToolSet, written: Written, arguments: object, name: str = "web_search") -> Any:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return await tools.run(ModelCall(id="c", name=name, arguments=text), NotedPen(written))


def test_it_is_there_where_an_engine_is_and_a_request_goes_on_without() -> None:
    assert WebSearchKind.optional
    assert not WebSearchKind().installed(OneRail({}, {}))
    assert WebSearchKind().installed(OneRail({}, {WebSearcher: {"one": Engine()}}))


async def test_a_search_is_told_event_by_event_with_marks_to_cite_by() -> None:
    written, engine = Written(), Engine()
    async with opened(written, engine) as tools:
        told = await ask(tools, written, {"queries": ["limmat", "aare", "limmat"]})
    assert written.kinds == [
        "added",
        "response.web_search_call.in_progress",
        "response.web_search_call.searching",
        "response.web_search_call.completed",
        "done",
    ]
    assert told == (
        "Found for: limmat\n\n【1】 LIMMAT\nhttps://a.example/limmat\nAbout limmat.\n\n"
        "Found for: aare\n\n【2】 AARE\nhttps://a.example/aare\nAbout aare."
    )
    assert written.citations[0] == {"type": "url_citation", "url": "https://a.example/limmat", "title": "LIMMAT"}
    (item,) = written.items
    assert item["status"] == "completed"
    assert item["action"] == {
        "type": "search",
        "query": "limmat",
        "queries": ["limmat", "aare"],
        "sources": [
            {"type": "url", "url": "https://a.example/limmat"},
            {"type": "url", "url": "https://a.example/aare"},
        ],
    }
    ITEM.validate_python(item)
    assert WebSearchKind().replayed(item, {}) == Exchange(
        ModelCall(id=item["id"], name="web_search", arguments='{"queries":["limmat","aare"]}'),
        "Found before:\nhttps://a.example/limmat\nhttps://a.example/aare",
    )


async def test_what_the_request_says_of_searches_reaches_the_engine() -> None:
    written, engine = Written(), Engine()
    tool = {
        "type": "web_search",
        "filters": {"allowed_domains": ["Example.org", "https://docs.example.net/"]},
        "user_location": {"type": "approximate", "country": "ch", "city": "Zürich"},
        "search_context_size": "high",
    }
    async with opened(written, engine, tool=tool) as tools:
        assert "example.org, docs.example.net" in tools.offers()[0].description
        await ask(tools, written, {"queries": ["a"]})
    assert engine.asked == [
        WebQuery(
            query="a",
            count=10,
            domains=("example.org", "docs.example.net"),
            location=SearchLocation(country="CH", city="Zürich"),
            context="high",
        )
    ]
    async with opened(written, engine, tool={"type": "web_search_preview", "search_context_size": "low"}) as tools:
        await ask(tools, written, {"query": "b"})
    assert engine.asked[-1] == WebQuery(query="b", count=3, context="low")


async def test_results_are_kept_for_who_asks_for_them() -> None:
    for include in ((), ("web_search_call.results",)):
        written = Written()
        async with opened(written, Engine(), include=include) as tools:
            await ask(tools, written, {"queries": ["a"]})
        results = [{"url": "https://a.example/a", "title": "A", "text": "About a."}]
        assert written.items[0].get("results") == (results if include else None)


async def test_who_wants_no_access_to_the_web_is_given_what_is_here() -> None:
    written, live, here = Written(), Engine(), Engine()
    here.offline = True
    tool = {"type": "web_search", "external_web_access": False}
    async with opened(written, live, here, tool=tool) as tools:
        await ask(tools, written, {"queries": ["a"]})
    assert (len(live.asked), len(here.asked)) == (0, 1)
    async with opened(written, live, tool=tool) as tools:
        assert tools.offers() == []
        with pytest.raises(UnsupportedFeature) as caught:
            tools.chosen({"type": "web_search"})
        assert caught.value.param == "tools.0.external_web_access"
    async with opened(written, live, tool={**tool, "external_web_access": True}) as tools:
        assert tools.offers()


async def test_tools_that_bound_searches_alike_are_one() -> None:
    written, engine = Written(), Engine()
    near = {"type": "approximate", "city": "Zürich"}
    preview = {"type": "web_search_preview", "search_context_size": "high", "user_location": near}
    async with opened(written, engine, more=[preview, TOOL]) as tools:
        assert [offer.name for offer in tools.offers()] == ["web_search"]
        for choice in (TOOL, {"type": "web_search_preview"}, {"type": "web_search_2025_08_26"}):
            assert tools.chosen(choice) == ["web_search"]
        await ask(tools, written, {"queries": ["a"]})
    assert engine.asked == [WebQuery(query="a", count=10, context="high", location=SearchLocation(city="Zürich"))]


async def test_tools_with_bounds_of_their_own_are_each_offered_within_them() -> None:
    written, live, here = Written(), Engine(), Engine()
    here.offline = True
    narrow = {**TOOL, "filters": {"allowed_domains": ["a.example", "b.example"]}}
    turned = {**TOOL, "filters": {"allowed_domains": ["b.example", "a.example"]}}
    offline = {"type": "web_search_2025_08_26", "external_web_access": False}
    async with opened(written, live, here, tool=narrow, more=[offline, turned]) as tools:
        first, second = tools.offers()
        assert (first.name, second.name) == ("web_search", "web_search_2")
        assert "Only pages of a.example, b.example" in first.description
        assert "Only pages" not in second.description
        assert tools.chosen(offline) == ["web_search_2"]
        await ask(tools, written, {"queries": ["a"]})
        await ask(tools, written, {"queries": ["b"]}, "web_search_2")
    assert [(query.query, query.domains) for query in live.asked] == [("a", ("a.example", "b.example"))]
    assert [(query.query, query.domains) for query in here.asked] == [("b", ())]
    async with opened(written, live, tool=offline, more=[narrow]) as tools:
        assert [offer.name for offer in tools.offers()] == ["web_search"]
        assert tools.chosen(TOOL) == ["web_search"]
        with pytest.raises(UnsupportedFeature, match="no engine here is offline"):
            tools.chosen(offline)


async def test_where_one_engine_fails_the_next_is_asked() -> None:
    written, broken, good = Written(), Engine(UpstreamUnavailable("It is down.")), Engine()
    async with opened(written, broken, good) as tools:
        assert "About a." in await ask(tools, written, {"queries": ["a"]})
    assert len(broken.asked) == len(good.asked) == 1


async def test_a_search_that_fails_is_told_to_the_model_and_ends_the_item() -> None:
    written = Written()
    async with opened(written, Engine(UpstreamUnavailable("It is down."))) as tools:
        assert await ask(tools, written, {"queries": ["a"]}) == "The search failed. It is down."
    assert written.items[-1]["status"] == "failed"
    assert "response.web_search_call.completed" not in written.kinds
    ITEM.validate_python(written.items[-1])


@pytest.mark.parametrize("arguments", ["{", "[]", "{}", {"queries": []}, {"queries": [7, " "]}, {"queries": {"a": 1}}])
async def test_arguments_that_say_nothing_are_told(arguments: object) -> None:
    written, engine = Written(), Engine()
    async with opened(written, engine) as tools:
        assert "no queries" in await ask(tools, written, arguments)
    assert engine.asked == []
    assert written.items[-1]["status"] == "failed"


async def test_nothing_found_is_no_failure() -> None:
    written = Written()
    async with opened(written, Engine()) as tools:
        assert await ask(tools, written, {"queries": ["nothing"]}) == "Nothing was found for: nothing"
    assert written.items[-1]["status"] == "completed"


@pytest.mark.parametrize("domain", ["", "a b", "example.org/path", "*.example.org", "exämple.org"])
async def test_a_domain_that_is_none_is_refused(domain: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        async with opened(Written(), Engine(), tool={**TOOL, "filters": {"allowed_domains": [domain]}}):
            pass
    assert caught.value.param == "tools.0.filters.allowed_domains"
