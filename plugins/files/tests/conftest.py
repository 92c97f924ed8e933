"""Real databases and a real folder."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from stock import PLUGINS, Background, configuration

from dinrail_core.hooks import Rail
from dinrail_sdk.testing import Served, open_rail, serve
from dinrail_sdk.testing.databases import PostgreSQL, database_config, postgresql

__all__ = ["database_config", "postgresql"]


@pytest.fixture
async def served(database_config: dict[str, Any], tmp_path: Path) -> AsyncIterator[Served]:
    """A server over either database."""
    async with serve(plugins=PLUGINS, config=configuration(database_config, tmp_path)) as running:
        yield running


@pytest.fixture
async def rail(database_config: dict[str, Any], tmp_path: Path) -> AsyncIterator[Rail]:
    """The services without a server, over either database."""
    async with open_rail(plugins=PLUGINS, config=configuration(database_config, tmp_path)) as opened:
        yield opened


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def background(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Background]:
    """A server for a whole module, over either database."""
    database: dict[str, Any] = {}
    if request.param == "postgresql":
        server: PostgreSQL = request.getfixturevalue("postgresql")
        database = {"services": {"database": {"url": server.create()}}}
    with Background(configuration(database, tmp_path_factory.mktemp("data"))) as running:
        yield running
