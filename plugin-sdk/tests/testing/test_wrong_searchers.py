"""Providers of web search that are wrong on purpose: the suite finds each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.web_search import WebPage, WebQuery, WebSearcher
from dinrail_core.errors import (
    DinrailError,
    InvalidRequest,
    NotFound,
    RateLimited,
    Unauthenticated,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamRefused,
    UpstreamUnavailable,
)
from dinrail_core.hooks import ProviderType, Secret
from dinrail_sdk.providers import opener
from dinrail_sdk.testing import FakeUpstream, WebSearcherSuite
from dinrail_sdk.testing.dialects.search_engines import TAVILY_WIRE
from dinrail_sdk.testing.suite import cases_of
from dinrail_sdk.upstream import Upstream, UpstreamConfig
from dinrail_sdk.web_search import sound


class HonestConfig(UpstreamConfig):
    api_key: Secret | None = None


class Honest(WebSearcher):
    """Does everything right, a step at a time."""

    declared: ClassVar[frozenset[type]] = frozenset({WebSearcher})

    def __init__(self, config: HonestConfig, upstream: Upstream) -> None:
        self.config = config
        self.upstream = upstream
        self.kept: Any = None

    async def search(self, query: WebQuery, call: Call) -> Sequence[WebPage]:
        try:
            text = await self.upstream.post("search", json.dumps(self.asked(query)).encode(), self.on_behalf(call))
        except DinrailError as error:
            raise self.told(error) from None
        return self.finished(self.read(text), query)

    def asked(self, query: WebQuery) -> dict[str, Any]:
        asked: dict[str, Any] = {"query": query.query, "max_results": query.count}
        if query.domains:
            asked["include_domains"] = list(query.domains)
        if query.location is not None:
            asked["country"] = "switzerland"
        return asked

    def on_behalf(self, call: Call) -> Call:
        return call

    def told(self, error: DinrailError) -> Exception:
        return error

    def read(self, text: bytes) -> list[WebPage]:
        try:
            return [WebPage(url=r["url"], title=r["title"], text=r["content"]) for r in json.loads(text)["results"]]
        except (ValueError, LookupError, TypeError):
            raise UpstreamInvalid("It is not that of the kit.") from None

    def finished(self, pages: list[WebPage], query: WebQuery) -> Sequence[WebPage]:
        return sound(pages, query)


class ChangesTheQuery(Honest):
    def asked(self, query: WebQuery) -> dict[str, Any]:
        return super().asked(query) | {"query": query.query.rstrip("🏞 ")}


class Reverses(Honest):
    def finished(self, pages: list[WebPage], query: WebQuery) -> Sequence[WebPage]:
        return super().finished(pages, query)[::-1]


class LosesTexts(Honest):
    def finished(self, pages: list[WebPage], query: WebQuery) -> Sequence[WebPage]:
        return [replace(page, text="") for page in super().finished(pages, query)]


class TakesAll(Honest):
    def finished(self, pages: list[WebPage], query: WebQuery) -> Sequence[WebPage]:
        return sound(pages, replace(query, count=100))


class AsksForTooFew(Honest):
    def asked(self, query: WebQuery) -> dict[str, Any]:
        return super().asked(query) | {"max_results": 1}


class WantsResults(Honest):
    def finished(self, pages: list[WebPage], query: WebQuery) -> Sequence[WebPage]:
        if not pages:
            raise NotFound("There is nothing.")
        return super().finished(pages, query)


class KeepsDomainsToItself(Honest):
    def asked(self, query: WebQuery) -> dict[str, Any]:
        return super().asked(replace(query, domains=()))


class TrustsTheEngine(Honest):
    def finished(self, pages: list[WebPage], query: WebQuery) -> Sequence[WebPage]:
        return sound(pages, replace(query, domains=()))


class FiltersByText(Honest):
    def finished(self, pages: list[WebPage], query: WebQuery) -> Sequence[WebPage]:
        found = [page for page in pages if not query.domains or any(domain in page.url for domain in query.domains)]
        return sound(found, replace(query, domains=()))


class RemembersDomains(Honest):
    def asked(self, query: WebQuery) -> dict[str, Any]:
        self.kept = query.domains or self.kept
        return super().asked(replace(query, domains=self.kept or ()))


class KeepsTheLocationToItself(Honest):
    def asked(self, query: WebQuery) -> dict[str, Any]:
        return super().asked(replace(query, location=None))


class InventsALocation(Honest):
    def asked(self, query: WebQuery) -> dict[str, Any]:
        return super().asked(query) | {"country": "switzerland"}


class Repeats(Honest):
    def finished(self, pages: list[WebPage], query: WebQuery) -> Sequence[WebPage]:
        found = [page for one in pages for page in sound([one], query)]
        return found[: query.count]


class TakesAnyAddress(Honest):
    def finished(self, pages: list[WebPage], query: WebQuery) -> Sequence[WebPage]:
        return list({page.url: page for page in pages}.values())[: query.count]


class ShowsMarkup(Honest):
    def finished(self, pages: list[WebPage], query: WebQuery) -> Sequence[WebPage]:
        raw = {page.url: page for page in pages}
        return [replace(page, title=raw[page.url].title) for page in super().finished(pages, query)]


class HandsOnEverything(Honest):
    def finished(self, pages: list[WebPage], query: WebQuery) -> Sequence[WebPage]:
        raw = {page.url: page for page in pages}
        return [replace(page, text=raw[page.url].text) for page in super().finished(pages, query)]


class Translates(Honest):
    wrong: ClassVar[dict[type, Exception]] = {}

    def told(self, error: DinrailError) -> Exception:
        return next((other for kind, other in self.wrong.items() if isinstance(error, kind)), error)


class LosesTheReason(Translates):
    wrong: ClassVar[dict[type, Exception]] = {InvalidRequest: InvalidRequest("It says no.")}


class BlamesTheCaller(Translates):
    wrong: ClassVar[dict[type, Exception]] = {UpstreamRefused: Unauthenticated("Your key is no good.")}


class ForgetsWhen(Translates):
    wrong: ClassVar[dict[type, Exception]] = {RateLimited: RateLimited("Slow down.")}


class HandsOnFailures(Translates):
    wrong: ClassVar[dict[type, Exception]] = {UpstreamFailed: InvalidRequest("500")}


class LetsErrorsOut(Translates):
    wrong: ClassVar[dict[type, Exception]] = {UpstreamUnavailable: ConnectionError("refused")}


class TrustsTheAnswer(Honest):
    def read(self, text: bytes) -> list[WebPage]:
        return [WebPage(url=r["url"], title=r["title"], text=r["content"]) for r in json.loads(text)["results"]]


class HasTime(Honest):
    def on_behalf(self, call: Call) -> Call:
        return replace(call, deadline=None)


class UsesItsOwnKey(Honest):
    def on_behalf(self, call: Call) -> Call:
        return replace(call, upstream_key=None)


class KeepsTheCallersKey(Honest):
    def on_behalf(self, call: Call) -> Call:
        self.kept = call.upstream_key or self.kept
        return replace(call, upstream_key=self.kept)


class TellsItsKey(Honest):
    def told(self, error: DinrailError) -> Exception:
        assert self.config.api_key is not None
        return type(error)(f"{error.message} (with the key {self.config.api_key.get_secret_value()})")


class MixesUp(Honest):
    async def search(self, query: WebQuery, call: Call) -> Sequence[WebPage]:
        self.kept = query
        await self.upstream.post("search", json.dumps(self.asked(query)).encode(), call)
        text = await self.upstream.post("search", json.dumps(self.asked(self.kept)).encode(), call)
        return self.finished(self.read(text), query)


class DeclaresNothing(Honest):
    declared: ClassVar[frozenset[type]] = frozenset()


WRONG: dict[type[Honest], str] = {
    ChangesTheQuery: "pages",
    Reverses: "pages",
    LosesTexts: "pages",
    TakesAll: "count",
    AsksForTooFew: "count",
    WantsResults: "nothing",
    KeepsDomainsToItself: "domains",
    TrustsTheEngine: "domains",
    FiltersByText: "domains",
    RemembersDomains: "domains",
    KeepsTheLocationToItself: "location",
    InventsALocation: "location",
    Repeats: "once",
    TakesAnyAddress: "once",
    ShowsMarkup: "plain_text",
    HandsOnEverything: "long_texts",
    LosesTheReason: "bad_request",
    BlamesTheCaller: "refused_credentials",
    ForgetsWhen: "rate_limit",
    HandsOnFailures: "failure",
    LetsErrorsOut: "unreachable",
    TrustsTheAnswer: "garbage",
    HasTime: "deadline",
    UsesItsOwnKey: "callers_key",
    KeepsTheCallersKey: "callers_key",
    TellsItsKey: "secrets_hidden",
    MixesUp: "at_once",
    DeclaresNothing: "declared",
}
"""What each is caught by."""

CASES = {case.name: case for case in cases_of(WebSearcherSuite)}


def suite_of(kind: type[Honest]) -> WebSearcherSuite:
    record = ProviderType(name="kit", config=HonestConfig, apis=kind.declared, open=opener(kind))

    class Tested(WebSearcherSuite):
        provider = record
        dialect = TAVILY_WIRE

        def config(self, upstream: FakeUpstream) -> HonestConfig:
            return HonestConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})

    return Tested()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_right_searcher_passes(case: Any) -> None:
    await suite_of(Honest).perform(case)


@pytest.mark.parametrize(("kind", "name"), WRONG.items(), ids=[kind.__name__ for kind in WRONG])
async def test_a_wrong_searcher_is_caught(kind: type[Honest], name: str) -> None:
    with pytest.raises(AssertionError):
        await suite_of(kind).perform(CASES[name])


def test_every_case_catches_somebody() -> None:
    assert CASES.keys() == set(WRONG.values())
