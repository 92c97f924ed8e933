"""Searches a folder of pages."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from dinrail_core.api.call import Call
from dinrail_core.api.provider import Checked, Health, State
from dinrail_core.api.web_search import WebPage, WebQuery, WebSearcher
from dinrail_core.errors import UpstreamFailed, UpstreamTimeout, UpstreamUnavailable
from dinrail_sdk.web_search import LONGEST, sound
from dinrail_web_search_local.index import Index, words_of
from dinrail_web_search_local.plugin import WebSearchLocalConfig

__all__ = ["LocalSearch"]

_logger = logging.getLogger(__name__)
_PATIENCE = 30.0


class LocalSearch(WebSearcher, Checked):
    """Pages of a folder, which is looked through again and again.

    Args:
        config: The folder, and how it is looked through.
        file: Where the index is kept.
    """

    offline = True

    def __init__(self, config: WebSearchLocalConfig, file: Path) -> None:
        self._config = config
        self._index = Index(file, config.folder.expanduser(), str(config.base_url))
        self._ready = asyncio.Event()
        self._stopped = threading.Event()
        self._fault: str | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look through the folder for as long as this is entered."""
        looking = asyncio.ensure_future(self._look())
        try:
            yield
        finally:
            self._stopped.set()
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def search(self, query: WebQuery, call: Call) -> Sequence[WebPage]:
        """See :meth:`WebSearcher.search`; a folder knows nothing of where anybody is."""
        remaining = call.remaining()
        seconds = _PATIENCE if remaining is None else min(remaining, _PATIENCE)
        until = time.monotonic() + seconds
        try:
            async with asyncio.timeout(seconds):
                await self._ready.wait()
        except TimeoutError:
            raise UpstreamUnavailable("The folder of pages is being looked through for the first time.") from None
        if self._fault is not None:
            raise UpstreamUnavailable(self._fault)
        try:
            pages = await asyncio.to_thread(
                self._index.search,
                words_of(query.query),
                count=query.count,
                domains=query.domains,
                longest=LONGEST[query.context],
                late=lambda: time.monotonic() > until or self._stopped.is_set(),
            )
        except sqlite3.OperationalError as error:
            if time.monotonic() > until:
                raise UpstreamTimeout("The search took too long.") from error
            raise UpstreamFailed("The index of pages cannot be read.") from error
        except sqlite3.Error as error:
            raise UpstreamFailed("The index of pages cannot be read.") from error
        return sound(pages, query)

    async def health(self) -> Health:
        """See :meth:`Checked.health`."""
        if self._fault is not None:
            return Health(State.UNREACHABLE, self._fault)
        return Health(State.READY) if self._ready.is_set() else Health(State.DEGRADED, "the pages are being read")

    async def _look(self) -> None:
        while True:
            try:
                await asyncio.to_thread(
                    self._index.refresh,
                    largest=self._config.max_page_bytes,
                    most=self._config.max_pages,
                    stopped=self._stopped.is_set,
                )
                self._fault = None
            except (OSError, sqlite3.Error) as error:
                self._fault = f"The folder of pages cannot be read ({type(error).__name__})."
                _logger.warning("%s: %s", self._config.folder, error)
            self._ready.set()
            await asyncio.sleep(self._config.refresh)
