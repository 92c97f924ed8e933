"""Declares the ``web-search-local`` provider."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field, HttpUrl

from dinrail_core.api.web_search import WebSearcher
from dinrail_core.hooks import Context, ProviderType, hookimpl

if TYPE_CHECKING:
    from dinrail_web_search_local.provider import LocalSearch

__all__ = ["DINRAIL_API", "WEB_SEARCH_LOCAL", "WebSearchLocalConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class WebSearchLocalConfig(BaseModel, extra="forbid", defer_build=True):
    """A folder of pages that is searched."""

    folder: Path
    """Pages as `.html`, `.htm`, `.md`, `.txt`, or one in each line of a `.jsonl`, however deep."""
    base_url: HttpUrl
    """Where the pages are to be found on the web: a page's address is this and its path in the folder."""
    refresh: Annotated[float, Field(ge=0.1, le=86_400)] = 60.0
    """Seconds between two looks for pages that are new, changed or gone."""
    max_page_bytes: Annotated[int, Field(ge=1024, le=100 * 2**20)] = 5 * 2**20
    """Larger files are left out."""
    max_pages: Annotated[int, Field(ge=1, le=10_000_000)] = 200_000
    """How many pages are taken in."""


@asynccontextmanager
async def _open(config: WebSearchLocalConfig, context: Context) -> AsyncIterator[object]:
    searcher = (await asyncio.to_thread(_searcher))(config, context.folder() / "index.sqlite")
    async with searcher.running():
        yield searcher


def _searcher() -> type[LocalSearch]:
    from dinrail_web_search_local.provider import LocalSearch

    return LocalSearch


WEB_SEARCH_LOCAL = ProviderType(
    name="web-search-local",
    config=WebSearchLocalConfig,
    apis=frozenset({WebSearcher}),
    open=_open,
    summary="Web search over a folder of pages, without any network",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield WEB_SEARCH_LOCAL
