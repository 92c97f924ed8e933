"""Opened databases with the tables of one service, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import importlib
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from importlib import metadata
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from dinrail_core.hooks import Rail
from dinrail_database import revisions
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.testing import open_rail
from dinrail_sdk.testing.databases import database_config, own_postgresql, postgresql

sys.path.insert(0, str(Path(__file__).parent))

from database_notes import FIRST, Site

__all__ = ["database_config", "own_postgresql", "postgresql"]

Elsewhere = Callable[[str], None]
Opener = Callable[..., AbstractAsyncContextManager[Rail]]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Where revisions are installed; those of no other distribution are seen in this process."""
    found = Site(tmp_path / "site")
    found.folder.mkdir()
    found.install("notes", FIRST)
    monkeypatch.syspath_prepend(found.folder)
    everywhere: Any = metadata.entry_points

    def here_alone(**wanted: Any) -> metadata.EntryPoints:
        importlib.invalidate_caches()
        return metadata.EntryPoints([point for point in everywhere(**wanted) if point.value.startswith("dbtest_")])

    monkeypatch.setattr(revisions, "entry_points", here_alone)
    yield found
    for name in [name for name in sys.modules if name.startswith("dbtest_")]:
        del sys.modules[name]


@pytest.fixture
def open_database(site: Site, database_config: dict[str, Any], tmp_path: Path) -> Opener:
    """Opens the rail with the configured database; as often as wanted, always the same one."""

    @asynccontextmanager
    async def opened(**service: Any) -> AsyncIterator[Rail]:
        configured = database_config.get("services", {}).get("database", {})
        config = {"data_dir": str(tmp_path / "data"), "services": {"database": {**configured, **service}}}
        async with open_rail(plugins=["database"], config=config) as rail:
            yield rail

    return opened


@pytest.fixture
def elsewhere(database_config: dict[str, Any], tmp_path: Path) -> Elsewhere:
    """Runs a statement in a connection that is not ours, and waits for its commit."""
    url = database_config.get("services", {}).get("database", {}).get("url")

    def sqlite(statement: str) -> None:
        with closing(sqlite3.connect(tmp_path / "data/services/database/dinrail.db", timeout=10)) as connection:
            connection.execute(statement)
            connection.commit()

    async def postgresql(statement: str) -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def run(statement: str) -> None:
        target = (lambda: sqlite(statement)) if url is None else (lambda: asyncio.run(postgresql(statement)))
        with ThreadPoolExecutor(1) as pool:
            pool.submit(target).result(30)

    return run


@pytest.fixture
async def database(open_database: Opener) -> AsyncIterator[Database]:
    """The opened database."""
    async with open_database() as rail:
        yield await rail.service(Database)
