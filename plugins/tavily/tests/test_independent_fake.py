"""Tavily as somebody else understood it: the fake of ``@copilotkit/aimock`` (npm)."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.web_search import WebPage, WebQuery
from dinrail_sdk.testing import open_alone
from dinrail_tavily.plugin import TAVILY

_PACKAGE = Path(__file__).parents[3] / "tests/clients/node/node_modules/@copilotkit/aimock/dist/index.js"
_SCRIPT = """
const { LLMock } = await import(process.argv[1]);
const fake = new LLMock({ host: "127.0.0.1", port: 0 });
const page = (n) => ({ title: `Limmat ${n}`, url: `https://rivers.example/${n}`, content: "A river.", score: 0.9 });
fake.onSearch(/limmat/i, [page(1), page(2), page(3)]);
await fake.start();
console.log(fake.url);
"""


@asynccontextmanager
async def aimock() -> AsyncIterator[str]:
    node = shutil.which("node")
    if node is None or not _PACKAGE.exists():
        pytest.skip("TAVILY IS TESTED WITH OUR OWN FAKE ALONE: aimock is not installed; `make test-install` does")
    process = await asyncio.create_subprocess_exec(
        node, "--input-type=module", "-e", _SCRIPT, str(_PACKAGE), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            url = (await process.stdout.readline()).decode().strip()
        assert url.startswith("http://127.0.0.1:"), url
        yield url
    finally:
        process.kill()
        await process.communicate()


async def test_aimock_is_searched() -> None:
    async with aimock() as url, open_alone(TAVILY, {"base_url": url, "api_key": "tvly-kit"}) as tavily:
        pages = await tavily.search(WebQuery(query="Where is the Limmat?", count=2), Call())
        assert pages == [
            WebPage(url="https://rivers.example/1", title="Limmat 1", text="A river."),
            WebPage(url="https://rivers.example/2", title="Limmat 2", text="A river."),
        ]
