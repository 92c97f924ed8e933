"""A server with documents over both databases."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dinrail_sdk.testing import Served, serve
from dinrail_sdk.testing.databases import database_config, postgresql

sys.path.insert(0, str(Path(__file__).parent))

__all__ = ["database_config", "postgresql"]

PLUGINS = ("database", "blobs", "files", "jobs", "documents")


LIMITS = {"max_characters": 200_000, "cpu_seconds": 4, "memory": 1024**3, "max_pages": 20, "expansion": 20}


@pytest.fixture
async def served(database_config: dict[str, Any]) -> AsyncIterator[Served]:
    """A server that reads little, over each database."""
    services = {**database_config.get("services", {}), "documents": LIMITS, "jobs": {"lease": 2}}
    async with serve(plugins=PLUGINS, config={"services": services}) as running:
        yield running


@pytest.fixture
async def reader() -> AsyncIterator[Served]:
    """The same for what no database has to do with."""
    async with serve(plugins=PLUGINS, config={"services": {"documents": LIMITS}}) as running:
        yield running
