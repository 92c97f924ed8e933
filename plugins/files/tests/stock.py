"""What has to be true of rows and bytes together, and servers to make it so."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openai import OpenAI
from sqlalchemy import Connection, select

from dinrail_core.hooks import Rail
from dinrail_files.tables import FILES, LOOSE, PARTS, UPLOADS
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.testing import open_rail, serve
from dinrail_sdk.testing.periodic import look_now

__all__ = [
    "LEASE",
    "PATIENCE",
    "PLUGINS",
    "SWEEP",
    "Background",
    "Stock",
    "configuration",
    "looking_at",
    "settled",
    "take_stock",
    "until",
]

PLUGINS = ("database", "files", "blobs", "jobs")
SWEEP = "file-sweep"
LEASE = 0.6
PATIENCE = 10.0


def configuration(database: Mapping[str, Any], folder: Path, **files: Any) -> dict[str, Any]:
    """A configuration with leases that end soon."""
    services = {**database.get("services", {}), "files": {"lease": LEASE, **files}, "uploads": {"lease": LEASE}}
    return {"data_dir": str(folder), "services": services}


@dataclass(frozen=True)
class Stock:
    """What rows and folder hold, seen from below."""

    files: Mapping[str, str]
    """The files' blobs by their ids."""
    parts: Mapping[str, str]
    loose: frozenset[str]
    """Blobs that are being written, or are to be removed now (not those that are looked for once more in an hour)."""
    uploads: Mapping[str, str]
    """States by ids."""
    blobs: frozenset[str]
    """Names in the folder."""

    @property
    def is_consistent(self) -> bool:
        """Whether there is no row without bytes, no bytes without a row, and nothing in between."""
        return not self.loose and self.blobs == {*self.files.values(), *self.parts.values()}


async def take_stock(rail: Rail, folder: Path) -> Stock:
    def work(connection: Connection) -> dict[str, dict[str, str]]:
        def pairs(*columns: Any, where: Sequence[Any] = ()) -> dict[str, str]:
            return {row[0]: row[1] for row in connection.execute(select(*columns).where(*where))}

        return {
            "files": pairs(FILES.c.id, FILES.c.blob),
            "parts": pairs(PARTS.c.id, PARTS.c.blob),
            "loose": pairs(LOOSE.c.id, LOOSE.c.tenant, where=[LOOSE.c.due_at < time.time() + 600]),
            "uploads": pairs(UPLOADS.c.id, UPLOADS.c.status),
        }

    database = await rail.service(Database)
    rows = await database.sweep(work)
    names = {path.name for path in (folder / "services" / "blobs").rglob("*") if path.is_file()}
    return Stock(rows["files"], rows["parts"], frozenset(rows["loose"]), rows["uploads"], frozenset(names))


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is true.

    Raises:
        TimeoutError: It never was.
    """
    async with asyncio.timeout(PATIENCE):
        while not await check():
            await asyncio.sleep(0.02)


async def settled(rail: Rail, folder: Path) -> Stock:
    """The stock once it is consistent; what is over is removed as soon as it is.

    Raises:
        TimeoutError: It never is.
    """
    found = await take_stock(rail, folder)
    deadline = time.monotonic() + PATIENCE
    while not found.is_consistent:
        if time.monotonic() > deadline:
            raise TimeoutError(f"Rows and bytes do not come to agree: {found}")
        await asyncio.sleep(0.02)
        await look_now(rail, SWEEP)
        found = await take_stock(rail, folder)
    return found


@asynccontextmanager
async def looking_at(database: Mapping[str, Any], folder: Path) -> AsyncIterator[Rail]:
    """The same services again, beside those of a server."""
    async with open_rail(plugins=PLUGINS, config=configuration(database, folder)) as opened:
        yield opened


class Background:
    """A server on a loop of its own, so that a test may block: for properties, which hypothesis checks without a loop.

    Args:
        config: As for :func:`serve`.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self.url = ""

    def __enter__(self) -> Background:
        self._thread.start()
        assert self._ready.wait(PATIENCE)
        assert self.url
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE)
        self._loop.close()

    def client(self) -> OpenAI:
        return OpenAI(base_url=self.url, api_key="none", max_retries=0)

    async def _serve(self) -> None:
        try:
            async with serve(plugins=PLUGINS, config=self._config) as running:
                self.url = running.url
                self._ready.set()
                await self._stop.wait()
        finally:
            self._ready.set()
