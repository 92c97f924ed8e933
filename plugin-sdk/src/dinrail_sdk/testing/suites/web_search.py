"""The conformance suite of :class:`~dinrail_core.api.web_search.WebSearcher`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from dinrail_core.api.web_search import SearchLocation, WebPage, WebQuery, WebSearcher, in_domains
from dinrail_core.errors import (
    InvalidRequest,
    RateLimited,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from dinrail_sdk.testing.bench import Bench, attempt, expect
from dinrail_sdk.testing.delivery import Delivery, bad_utf8, cut, garbage, reset, stalled, truncated, wrong_types
from dinrail_sdk.testing.script import Found, FoundPage, Refused, improvise
from dinrail_sdk.testing.suite import Suite, case

__all__ = ["WebSearcherSuite"]

QUERY = "Wo beginnt die Limmat? 🏞"
CALLERS_KEY = "sk-callers-own-0123456789"
TRIES = 3


def _pages(*urls: str) -> Found:
    return Found(pages=tuple(FoundPage(url=url, title=f"Title of {url}", text=f"Text of {url}.") for url in urls))


async def _search(bench: Bench, query: str = QUERY, **more: Any) -> Sequence[WebPage]:
    searcher: WebSearcher = bench.provider
    return await searcher.search(WebQuery(query=query, **more), bench.call())


def _urls(pages: Sequence[WebPage]) -> list[str]:
    return [page.url for page in pages]


class WebSearcherSuite(Suite):
    """What a search engine's provider must do."""

    @case()
    async def test_declared(self, bench: Bench) -> None:
        """What opens is a ``WebSearcher``, and the record says so.

        Troubleshooting: add ``WebSearcher`` to ``apis`` and to the bases of the provider's class.
        """
        assert WebSearcher in self.provider.apis, f"`apis` of {self.provider.name!r} lacks WebSearcher."
        assert isinstance(bench.provider, WebSearcher), "What opens is no WebSearcher, as `apis` says."

    @case()
    async def test_pages(self, bench: Bench) -> None:
        """Pages come in the engine's order with address, title and text, and the query reaches it as it is.

        Troubleshooting: look at the names of the engine's fields; do not sort, and do not strip the query.
        """
        bench.upstream.says(_pages("https://a.example/1", "http://b.example/2?q=%20#x", "https://c.example/"))
        pages = await _search(bench)
        assert bench.upstream.asked.query == QUERY, f"The query arrived as {bench.upstream.asked.query!r}."
        due = ["https://a.example/1", "http://b.example/2?q=%20#x", "https://c.example/"]
        assert _urls(pages) == due, f"The pages are {_urls(pages)}, not {due}."
        for page in pages:
            assert page.title == f"Title of {page.url}", f"The title is {page.title!r}."
            assert page.text == f"Text of {page.url}.", f"The text is {page.text!r}."

    @case()
    async def test_nothing(self, bench: Bench) -> None:
        """Nothing found is an empty answer, and no error.

        Troubleshooting: several engines leave out the list where it would be empty.
        """
        bench.upstream.says(Found())
        assert list(await _search(bench)) == []

    @case()
    async def test_count(self, bench: Bench) -> None:
        """At most ``count`` pages come, the first of them, whatever the engine sends.

        Troubleshooting: ask for as many as are wanted, and cut; filter first where there are domains.
        """
        bench.upstream.says(_pages(*(f"https://a.example/{number}" for number in range(30))))
        for count in (1, 3, 20):
            pages = await _search(bench, count=count)
            due = [f"https://a.example/{number}" for number in range(count)]
            assert _urls(pages) == due, f"With count={count} the pages are {_urls(pages)}."
            asked = bench.upstream.asked.count
            assert asked is None or asked >= count, f"With count={count} the engine was asked for {asked}."

    @case()
    async def test_domains(self, bench: Bench) -> None:
        """Only pages of the domains and of those below them come, even where the engine does not keep to that.

        Troubleshooting: tell the engine, in whatever way it has, and filter what it sends by host as well.
        """
        inside = ["https://example.org/1", "https://www.example.org/2", "https://other.net/3"]
        outside = ["https://badexample.org/", "https://evil.net/example.org", "https://example.org.evil.net/"]
        bench.upstream.says(_pages(outside[0], *inside, *outside[1:]))
        pages = await _search(bench, domains=("example.org", "other.net"), count=10)
        assert _urls(pages) == inside, f"Of the domains example.org and other.net came {_urls(pages)}."
        told = set(bench.upstream.asked.domains)
        assert told == {"example.org", "other.net"}, f"The engine was told of the domains {sorted(told)}."
        await _search(bench)
        assert bench.upstream.asked.domains == (), "Domains of an earlier query were told to the engine."

    @case("location")
    async def test_location(self, bench: Bench) -> None:
        """Where the user is reaches the engine, as far as it has words for it.

        Troubleshooting: see what the engine takes: a country, headers, a language.
        """
        await _search(bench, location=SearchLocation(country="CH", city="Zürich"))
        assert bench.upstream.asked.location, "The engine was told nothing of where the user is."
        await _search(bench)
        assert not bench.upstream.asked.location, "A location that nobody gave was told to the engine."

    @case()
    async def test_once(self, bench: Bench) -> None:
        """Each address comes once, and none that is no web page.

        Troubleshooting: keep the first of several with the same URL; leave out ``javascript:``, ``data:`` and the like.
        """
        bench.upstream.says(
            _pages(
                "https://a.example/",
                "javascript:alert(1)",
                "https://a.example/",
                "data:text/html,x",
                "ftp://a.example/",
                "/relative",
                "https://b.example/",
            )
        )
        urls = _urls(await _search(bench, count=10))
        assert urls == ["https://a.example/", "https://b.example/"], f"The pages are {urls}."

    @case()
    async def test_plain_text(self, bench: Bench) -> None:
        """Titles and texts are plain: no tags, no entities.

        Troubleshooting: ask the engine for plain text where it can, and take tags out before entities are resolved.
        """
        page = FoundPage(
            url="https://a.example/", title="<b>Zürich</b> &amp; Bern", text="Am <strong>See</strong>&#x27;s"
        )
        bench.upstream.says(Found(pages=(page,)))
        (found,) = await _search(bench)
        assert found.title == "Zürich & Bern", f"The title is {found.title!r}."
        assert found.text == "Am See's", f"The text is {found.text!r}."

    @case()
    async def test_long_texts(self, bench: Bench) -> None:
        """A page cannot fill the model's context: its text is cut, later where more of it is wanted.

        Troubleshooting: cut by ``query.context``; :func:`dinrail_sdk.web_search.sound` does.
        """
        bench.upstream.says(Found(pages=(FoundPage(url="https://a.example/", text="word " * 100_000),)))
        lengths = [len((await _search(bench, context=context))[0].text) for context in ("low", "medium", "high")]
        assert lengths == sorted(lengths), f"With more context wanted, less text comes: {lengths}"
        assert lengths[-1] <= 20_000, f"A single page has {lengths[-1]} characters."

    @case()
    async def test_bad_request(self, bench: Bench) -> None:
        """400 is the caller's to mend: ``InvalidRequest`` with the engine's words.

        Troubleshooting: translate by the status first, and look for the message where the engine puts it.
        """
        bench.upstream.says(Refused(status=400, message="Query is too long."))
        error = await expect(_search(bench), InvalidRequest, after="400")
        assert "too long" in error.message, f"The engine's reason is lost: {error.message!r}"

    @case()
    async def test_refused_credentials(self, bench: Bench) -> None:
        """401 and 403 are ``UpstreamRefused``: it is our key that is refused.

        Troubleshooting: never hand the status through.
        """
        for status in (401, 403):
            bench.upstream.says(Refused(status=status, message="The key is no good."))
            await expect(_search(bench), UpstreamRefused, after=str(status))

    @case()
    async def test_rate_limit(self, bench: Bench) -> None:
        """429 is ``RateLimited`` and keeps ``Retry-After``.

        Troubleshooting: read the header before the error is built.
        """
        bench.upstream.says(Refused(status=429, message="Slow down.", retry_after=41))
        error = await expect(_search(bench), RateLimited, after="429 with Retry-After: 41")
        assert 39 <= (error.retry_after or 0) <= 41, f"Retry-After is {error.retry_after}, the engine said 41."

    @case()
    async def test_failure(self, bench: Bench) -> None:
        """500 is ``UpstreamFailed``, with the engine's shape of errors and with a proxy's plain text.

        Troubleshooting: do not parse the body before the status is known.
        """
        for refused in (Refused(status=500), Refused(status=500, text="Internal Server Error")):
            bench.upstream.says(refused)
            await expect(_search(bench), UpstreamFailed, after="500")

    @case()
    async def test_unreachable(self, bench: Bench) -> None:
        """Nobody listens, or the connection breaks: ``UpstreamUnavailable``; later the same provider works again.

        Troubleshooting: translate your client's connection errors; do not keep a connection that has failed.
        """
        bench.upstream.says(delivery=reset())
        before = len(bench.upstream.received)
        await expect(_search(bench), UpstreamUnavailable, after="The connection was broken")
        assert len(bench.upstream.received) - before <= TRIES, "The engine was asked more than three times."
        await bench.upstream.stop()
        await expect(_search(bench), UpstreamUnavailable, after="Nobody listens")
        await bench.upstream.start()
        bench.upstream.says()
        assert await _search(bench)

    @case()
    async def test_garbage(self, bench: Bench) -> None:
        """An answer that is none of the engine's is ``UpstreamInvalid``.

        Troubleshooting: let no ``KeyError``, ``TypeError`` or error of a JSON parser out.
        """
        deliveries = {
            "A web page": garbage(),
            "Half of the JSON": truncated(),
            "An empty body": garbage(b"", "application/json"),
            "A list": garbage(b"[]", "application/json"),
            "A text for every list": wrong_types(),
            "Bytes that are no UTF-8": bad_utf8(),
            "A connection that was closed in mid-answer": cut(1),
        }
        for what, delivery in deliveries.items():
            bench.upstream.says(delivery=delivery)
            kinds = (UpstreamInvalid, UpstreamUnavailable) if "closed" in what else (UpstreamInvalid,)
            await expect(_search(bench), *kinds, after=what)

    @case()
    async def test_deadline(self, bench: Bench) -> None:
        """An engine that stays silent past the call's deadline is ``UpstreamTimeout``, at the deadline.

        Troubleshooting: bound the wait by ``call.remaining()``.
        """
        bench.upstream.says(delivery=stalled(-1))
        began = time.monotonic()
        searcher: WebSearcher = bench.provider
        async with asyncio.timeout(5):
            work = searcher.search(WebQuery(query=QUERY), bench.call(seconds=0.4))
            await expect(work, UpstreamTimeout, after="Silence past the deadline")
        assert time.monotonic() - began < 3, "The provider still waits behind the call's deadline."

    @case("upstream_key")
    async def test_callers_key(self, bench: Bench) -> None:
        """The configured key is sent, and the caller's own where the call has one, with that call alone.

        Troubleshooting: take the key from ``call.upstream_key`` for this request alone.
        """
        searcher: WebSearcher = bench.provider
        await _search(bench)
        assert bench.upstream.credentials in bench.secrets, "The configured key is not sent."
        await searcher.search(WebQuery(query=QUERY), bench.call(key=CALLERS_KEY))
        assert bench.upstream.credentials == CALLERS_KEY, "The caller's own key is not sent."
        await _search(bench)
        assert bench.upstream.credentials in bench.secrets, "One caller's key is sent with the next caller's request."

    @case()
    async def test_secrets_hidden(self, bench: Bench) -> None:
        """No secret is in an error, the logs, or any ``repr``, even where the engine repeats it.

        Troubleshooting: do not put headers, URLs with keys, or an engine's words about a key into messages.
        """
        shown = [repr(bench.config), repr(bench.provider)]
        turns = [
            *((Refused(status=401, message=f"Bad key {secret}"), Delivery()) for secret in bench.secrets),
            *((Refused(status=400, message=f"Bad key {secret}"), Delivery()) for secret in bench.secrets),
            (None, garbage()),
        ]
        for script, delivery in turns:
            bench.upstream.says(script, delivery)
            _, error = await attempt(_search(bench))
            assert error is not None, "The engine failed, and the provider answered."
            shown.append(f"{error!r} {error.__cause__!r}")
        for secret in bench.secrets:
            assert not any(secret in text for text in [*shown, *bench.logs]), "A secret is shown."

    @case()
    async def test_at_once(self, bench: Bench) -> None:
        """Many searches at once each get their own pages.

        Troubleshooting: nothing of a search may be kept on the provider.
        """
        queries = [f"{QUERY} {number}" for number in range(20)]
        answers = await asyncio.gather(*(_search(bench, query) for query in queries))
        for query, pages in zip(queries, answers, strict=True):
            due = improvise(replace(bench.upstream.asked, query=query, domains=()), bench.model)
            assert isinstance(due, Found)
            assert _urls(pages) == [page.url for page in due.pages], f"The search for {query!r} got other pages."
            assert all(in_domains(page.url, ("kit.example",)) for page in pages)
