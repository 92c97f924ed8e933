"""Units of work on SQLite in memory and on PostgreSQL, without the database plugin."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import StaticPool

from dinrail_sdk.testing.databases import PostgreSQL, postgresql

sys.path.insert(0, str(Path(__file__).parent))

from sql_notes import METADATA, PostgreSQLStore, SQLiteStore, Store

__all__ = ["postgresql"]


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    found: Store
    if request.param == "sqlite":
        engine = create_engine("sqlite://", poolclass=StaticPool)
        found = SQLiteStore(engine)
        found.raw(METADATA.create_all)
        yield found
        engine.dispose()
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    url = server.create()
    with asyncio.Runner() as runner:
        many = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))
        found = PostgreSQLStore(many, runner)
        found.raw(METADATA.create_all)
        yield found
        runner.run(many.dispose())
    server.drop(url)
