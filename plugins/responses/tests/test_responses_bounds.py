"""How far a response goes, and what becomes of a history that is too long."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from dialogue import MODEL, PLUGINS, calls, post, raw_events, says, summed
from pydantic import BaseModel

from dinrail_core.api.call import Call
from dinrail_core.api.web_search import WebPage, WebQuery, WebSearcher
from dinrail_core.hooks import Context, ProviderType
from dinrail_sdk.testing import FakeUpstream, Served, serve
from dinrail_sdk.testing.dialects.openai import OPENAI
from dinrail_sdk.testing.script import Refused, ToolUse
from dinrail_sdk.testing.upstream import Turn

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOO_LONG = Turn(script=Refused(status=400, message="Too long.", code="context_length_exceeded"))
SEARCH: Any = {"tools": [{"type": "web_search"}]}


class Engine(WebSearcher):
    async def search(self, query: WebQuery, call: Call) -> Sequence[WebPage]:
        return [WebPage(url="https://example.org/", title="A page", text=query.query)]


class NoConfig(BaseModel, extra="forbid"):
    pass


@asynccontextmanager
async def _engine(config: NoConfig, context: Context) -> AsyncIterator[object]:
    yield Engine()


ENGINE = ProviderType(name="engine", config=NoConfig, apis=frozenset({WebSearcher}), open=_engine)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _running() -> AsyncIterator[tuple[FakeUpstream, Served]]:
    async with FakeUpstream.open(OPENAI) as upstream:
        one = {"type": "openai-compatible", "base_url": upstream.url, "models": ["kit-model"], "max_retries": 0}
        settings: dict[str, Any] = {
            "providers": {"one": one, "web": {"type": "engine"}},
            "services": {"responses": {"max_turns": 3, "max_calls": 4}},
        }
        async with serve(ENGINE, plugins=PLUGINS, config=settings) as served:
            yield upstream, served


@pytest.fixture
def upstream(_running: tuple[FakeUpstream, Served]) -> FakeUpstream:
    upstream = _running[0]
    upstream.says()
    upstream.received.clear()
    return upstream


@pytest.fixture
def served(_running: tuple[FakeUpstream, Served]) -> Served:
    return _running[1]


def searches(*ids: str) -> Turn:
    return calls(*(ToolUse(name="web_search", arguments=json.dumps({"queries": [name]}), id=name) for name in ids))


def bodies(upstream: FakeUpstream) -> list[Any]:
    return [received.request.json for received in upstream.received if received.request.method == "POST"]


def kinds(made: Any) -> list[str]:
    return [item["type"] for item in made["output"]]


async def test_no_more_tools_are_called_than_the_request_allows(served: Served, upstream: FakeUpstream) -> None:
    upstream.then(searches("a", "b", "c"), says("Well."))
    _, made = await post(served, {"model": MODEL, "input": "?", "max_tool_calls": 2, **SEARCH})
    assert (made["status"], kinds(made)) == ("completed", ["web_search_call", "web_search_call", "message"])
    answers = {message.answers: message.text for message in upstream.asked.messages if message.role == "tool"}
    assert "no more calls" in answers["c"], answers["c"]
    assert "https://example.org/" in answers["b"]
    assert "tools" not in bodies(upstream)[1], "there is nothing left to call"


async def test_calls_count_over_all_turns(served: Served, upstream: FakeUpstream) -> None:
    upstream.then(searches("a"), searches("b", "c"), says("Well."))
    _, made = await post(served, {"model": MODEL, "input": "?", "max_tool_calls": 2, **SEARCH})
    assert kinds(made) == ["web_search_call", "web_search_call", "message"]


async def test_a_request_that_allows_no_calls_gets_none(served: Served, upstream: FakeUpstream) -> None:
    status, refused = await post(served, {"model": MODEL, "input": "?", "max_tool_calls": 0, **SEARCH})
    assert (status, refused["error"]["param"]) == (400, "max_tool_calls")


async def test_calls_are_bounded_whatever_the_request_allows(served: Served, upstream: FakeUpstream) -> None:
    upstream.then(searches("a", "b", "c"), searches("d", "e"), says("Never."))
    _, made = await post(served, {"model": MODEL, "input": "?", "max_tool_calls": 99, **SEARCH})
    assert (made["status"], made["incomplete_details"]) == ("incomplete", {"reason": "max_calls"})
    assert kinds(made) == ["web_search_call"] * 4
    upstream.says()


async def test_time_is_bounded(served: Served, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.chain([0.0, 3_601.0], itertools.repeat(3_601.0))
    monkeypatch.setattr("dinrail_responses.loop.monotonic", lambda: next(clock))
    upstream.then(searches("a"), says("Never."))
    _, made = await post(served, {"model": MODEL, "input": "?", **SEARCH})
    assert (made["status"], made["incomplete_details"]) == ("incomplete", {"reason": "max_time"})
    assert kinds(made) == ["web_search_call"]
    upstream.says()


async def test_turns_are_bounded(served: Served, upstream: FakeUpstream) -> None:
    upstream.then(searches("a"), searches("b"), searches("c"), says("Never."))
    events = await raw_events(served, {"input": "?", **SEARCH})
    assert summed(events) == events[-1]["response"]["output"]
    assert (events[-1]["type"], events[-1]["response"]["incomplete_details"]) == (
        "response.incomplete",
        {"reason": "max_turns"},
    )
    upstream.says()


@pytest.mark.parametrize("streamed", [False, True])
async def test_the_older_half_of_what_is_too_long_is_dropped_where_that_is_allowed(
    streamed: bool, served: Served, upstream: FakeUpstream
) -> None:
    history = [{"role": "user" if n % 2 == 0 else "assistant", "content": f"m{n}"} for n in range(9)]
    body = {"model": MODEL, "instructions": "Be kind.", "input": history, "truncation": "auto"}
    upstream.then(TOO_LONG, TOO_LONG, says("Well."))
    if streamed:
        made = (await raw_events(served, body))[-1]["response"]
    else:
        _, made = await post(served, body)
    assert (made["status"], made["truncation"]) == ("completed", "auto")
    told = [[message["content"] for message in sent["messages"]] for sent in bodies(upstream)]
    assert told[0] == ["Be kind.", *(f"m{n}" for n in range(9))]
    assert told[1] == ["Be kind.", "m4", "m5", "m6", "m7", "m8"]
    assert told[2] == ["Be kind.", "m6", "m7", "m8"]


async def test_where_nothing_is_left_to_drop_it_fails(served: Served, upstream: FakeUpstream) -> None:
    upstream.then(TOO_LONG, TOO_LONG)
    status, refused = await post(served, {"model": MODEL, "input": "m0", "truncation": "auto"})
    assert (status, refused["error"]["code"]) == (400, "context_length_exceeded")
    upstream.says()


@pytest.mark.parametrize("more", [{}, {"truncation": "disabled"}])
async def test_nothing_is_dropped_where_that_is_not_allowed(
    more: dict[str, Any], served: Served, upstream: FakeUpstream
) -> None:
    upstream.then(TOO_LONG)
    history = [{"role": "user", "content": f"m{n}"} for n in range(3)]
    status, refused = await post(served, {"model": MODEL, "input": history, **more})
    assert (status, refused["error"]["code"]) == (400, "context_length_exceeded")
    assert len(bodies(upstream)) == 1


async def test_a_history_that_is_longer_than_wanted_is_summed_up(served: Served, upstream: FakeUpstream) -> None:
    _, first = await post(served, {"model": MODEL, "input": "a" * 6000})
    upstream.received.clear()
    upstream.then(says("They said a."), says("Well."))
    threshold = [{"type": "compaction", "compact_threshold": 1000}]
    asked = {"model": MODEL, "input": "b", "previous_response_id": first["id"], "context_management": threshold}
    _, made = await post(served, asked)
    assert kinds(made) == ["compaction", "message"]
    assert made["usage"]["total_tokens"] == 36, "the summary counts as well"
    _, answered = bodies(upstream)
    assert [message["content"] for message in answered["messages"]] == [
        "Summary of what was said before:\n\nThey said a.",
        "b",
    ]
    upstream.received.clear()
    await post(served, {"model": MODEL, "input": "c", "previous_response_id": made["id"]})
    told = [message["content"] for message in bodies(upstream)[0]["messages"]]
    assert told == ["Summary of what was said before:\n\nThey said a.", "Well.", "c"]


async def test_a_history_that_is_short_enough_is_left_alone(served: Served, upstream: FakeUpstream) -> None:
    threshold = [{"type": "compaction", "compact_threshold": 1000}]
    _, made = await post(served, {"model": MODEL, "input": "b", "context_management": threshold})
    assert kinds(made) == ["message"]


async def test_only_what_is_made_in_the_background_is_streamed_again(served: Served, upstream: FakeUpstream) -> None:
    _, made = await post(served, {"model": MODEL, "input": "?"})
    async with aiohttp.ClientSession(f"{served.origin}/v1/") as http:
        for query in ("stream=true", "stream=true&starting_after=3"):
            async with http.get(f"responses/{made['id']}?{query}") as answer:
                refused = (await answer.json())["error"]
            assert (answer.status, refused["param"]) == (400, "stream")
            assert "background" in refused["message"]
        async with http.get(f"responses/{made['id']}?starting_after=3") as answer:
            assert (await answer.json())["id"] == made["id"]
