from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_core.api.call import Call
from dinrail_core.api.provider import Checked, State
from dinrail_core.api.web_search import WebPage, WebQuery, WebSearcher
from dinrail_core.errors import UpstreamUnavailable
from dinrail_sdk.testing import LoopWatch, open_alone
from dinrail_web_search_local.index import words_of
from dinrail_web_search_local.pages import passages
from dinrail_web_search_local.plugin import WEB_SEARCH_LOCAL

HTML = """<!doctype html><html><head><title>The
Limmat</title><style>river {color: red}</style></head><body><nav>menu menu</nav>
<h1>A river</h1><p>It begins where the lake of <b>Z&uuml;rich</b> ends.</p>
<script>alert("river")</script></body></html>"""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    (folder / "deep").mkdir(parents=True)
    (folder / "limmat.html").write_text(HTML)
    (folder / "deep" / "bread and wine.md").write_text("# Bread\n\nBread is baked from flour.")
    (folder / "aare.txt").write_text("---\nurl: https://rivers.example/aare\ntitle: 'The Aare'\n---\nA river too.")
    lines: list[Any] = [{"url": "https://en.wiki.example/Rhine", "title": "Rhine", "text": "A long river."}, {"url": 7}]
    (folder / "dump.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\nnot json\n")
    (folder / "picture.png").write_bytes(b"river")
    return folder


@asynccontextmanager
async def searching(folder: Path, **config: Any) -> AsyncIterator[Callable[..., Any]]:
    settings = {"folder": str(folder), "base_url": "https://docs.example/site", "refresh": 0.1, **config}
    async with open_alone(WEB_SEARCH_LOCAL, settings) as searcher:
        assert isinstance(searcher, WebSearcher)

        async def search(query: str, **more: Any) -> list[WebPage]:
            return list(await searcher.search(WebQuery(query=query, **more), Call()))

        search.searcher = searcher  # type: ignore[attr-defined]  # for its health
        yield search


def urls(pages: list[WebPage]) -> list[str]:
    return [page.url for page in pages]


async def test_pages_are_found_by_what_they_say_the_best_first(corpus: Path) -> None:
    async with searching(corpus) as search:
        (page,) = await search("Where does the lake of zurich end?", count=1)
        assert page.url == "https://docs.example/site/limmat.html"
        assert page.title == "The Limmat"
        assert page.text == "A river\n\nIt begins where the lake of Zürich ends."
        assert urls(await search("flour")) == ["https://docs.example/site/deep/bread%20and%20wine.md"]
        assert set(urls(await search("river"))) == {
            "https://docs.example/site/limmat.html",
            "https://rivers.example/aare",
            "https://en.wiki.example/Rhine",
        }
        assert await search("glacier avalanche 12345") == []


@pytest.mark.parametrize(
    "query", ["", "   ", '"', "'; DROP TABLE page; --", "river*", "NEAR(river", "title:river", "\x00", "🌍", "AND OR"]
)
async def test_what_is_no_word_means_nothing_to_the_index(corpus: Path, query: str) -> None:
    async with searching(corpus) as search:
        await search(query)
        assert len(await search("river")) == 3


async def test_domains_and_count_are_kept_to(corpus: Path) -> None:
    async with searching(corpus) as search:
        assert urls(await search("river", domains=("wiki.example",))) == ["https://en.wiki.example/Rhine"]
        assert await search("river", domains=("iki.example",)) == []
        assert len(await search("river", count=2)) == 2


async def test_what_changes_in_the_folder_changes_what_is_found(corpus: Path) -> None:
    async with searching(corpus) as search:
        assert await search("glacier") == []
        (corpus / "new.md").write_text("A glacier.")
        (corpus / "limmat.html").unlink()
        async with asyncio.timeout(20):
            while len(await search("glacier")) != 1 or len(await search("river")) != 2:
                await asyncio.sleep(0.05)
        (corpus / "new.md").write_text("An avalanche, that is.")
        async with asyncio.timeout(20):
            while await search("glacier") or not await search("avalanche"):
                await asyncio.sleep(0.05)


async def test_a_link_that_leads_out_of_the_folder_is_not_followed(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("password hunter2")
    os.symlink(tmp_path / "secret.txt", corpus / "link.txt")
    os.symlink(tmp_path, corpus / "out")
    async with searching(corpus) as search:
        assert await search("hunter2") == []


async def test_a_folder_that_is_not_there_is_said_to_be_and_found_once_it_is(tmp_path: Path) -> None:
    async with searching(tmp_path / "later") as search:
        with pytest.raises(UpstreamUnavailable, match="cannot be read"):
            await search("river")
        searcher: Checked = search.searcher  # type: ignore[attr-defined]  # see above
        assert (await searcher.health()).state is State.UNREACHABLE
        (tmp_path / "later").mkdir()
        (tmp_path / "later" / "a.txt").write_text("river")
        async with asyncio.timeout(20):
            while (await searcher.health()).state is not State.READY or not await search("river"):
                await asyncio.sleep(0.05)


async def test_limits_of_pages_and_sizes_are_kept_to(corpus: Path) -> None:
    (corpus / "huge.txt").write_text("river " * 10_000)
    async with searching(corpus, max_page_bytes=10_000) as search:
        assert len(await search("river")) == 3
    async with searching(corpus, max_pages=2) as search:
        assert len(await search("river OR flour", count=20)) == 2


async def test_searching_much_text_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"{number}.txt").write_text(f"# Page {number}\n\n" + f"river {number} word. " * 400)
    async with searching(tmp_path) as search, LoopWatch() as watch:
        pages = await search("river 77", count=20, context="high")
        assert pages[0].url.endswith("/77.txt")
        assert all(len(page.text) <= 10_000 for page in pages)
    assert watch.longest < 0.5


@given(st.text(alphabet=st.sampled_from("ab .!\n"), max_size=5_000))
def test_passages_lose_no_word(text: str) -> None:
    found = passages(text)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(len(passage) <= 2_500 for passage in found)


def test_operators_are_no_words() -> None:
    assert words_of("Limmat site:example.org (Zürich's lake)") == ["Limmat", "Zürich", "s", "lake"]
