"""Conversations over both databases, as a service and over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dinrail_core.api.conversations import Conversations
from dinrail_sdk.testing import Served, open_rail, serve
from dinrail_sdk.testing.databases import database_config, postgresql

__all__ = ["database_config", "postgresql"]

PLUGINS = ("database", "conversations")


@pytest.fixture
def config(database_config: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """A configuration that leads to the same data whenever it is used, with locks that run out soon."""
    services = {**database_config.get("services", {}), "conversations": {"lease": 1.0}}
    return {"data_dir": str(tmp_path / "data"), "services": services}


@pytest.fixture
async def conversations(config: dict[str, Any]) -> AsyncIterator[Conversations]:
    """The service."""
    async with open_rail(plugins=PLUGINS, config=config) as rail:
        yield await rail.service(Conversations)


@pytest.fixture
async def served(config: dict[str, Any]) -> AsyncIterator[Served]:
    """A server."""
    async with serve(plugins=PLUGINS, config=config) as running:
        yield running
