"""Prompts over both databases, as a service and over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from dinrail_core.api.prompts import Prompts
from dinrail_sdk.testing import open_rail, serve
from dinrail_sdk.testing.databases import database_config, postgresql

__all__ = ["database_config", "postgresql"]

PLUGINS = ("database", "prompts")


@pytest.fixture
def config(database_config: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """A configuration that leads to the same data whenever it is used."""
    return {"data_dir": str(tmp_path / "data"), **database_config}


@pytest.fixture
async def prompts(config: dict[str, Any]) -> AsyncIterator[Prompts]:
    """The service."""
    async with open_rail(plugins=PLUGINS, config=config) as rail:
        yield await rail.service(Prompts)


@pytest.fixture
async def client(config: dict[str, Any]) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the server."""
    async with (
        serve(plugins=PLUGINS, config=config) as served,
        aiohttp.ClientSession(f"{served.origin}/v1/") as session,
    ):
        yield session
