"""Responses over both databases, in front of a scripted upstream."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dinrail_sdk.testing import FakeUpstream, Served, serve
from dinrail_sdk.testing.databases import database_config, postgresql
from dinrail_sdk.testing.dialects.openai import OPENAI

sys.path.insert(0, str(Path(__file__).parent))

from dialogue import PLUGINS

__all__ = ["database_config", "postgresql"]


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    """The server of the model ``one/kit-model``."""
    async with FakeUpstream.open(OPENAI) as running:
        yield running


@pytest.fixture
def config(upstream: FakeUpstream, tmp_path: Path) -> dict[str, Any]:
    """A configuration that leads to the same data whenever it is used."""
    one = {"type": "openai-compatible", "base_url": upstream.url, "models": ["kit-model"]}
    return {"data_dir": str(tmp_path / "data"), "providers": {"one": one}}


@pytest.fixture
async def served(config: dict[str, Any]) -> AsyncIterator[Served]:
    """A server over SQLite."""
    async with serve(plugins=PLUGINS, config=config) as running:
        yield running


@pytest.fixture
async def stored(config: dict[str, Any], database_config: dict[str, Any]) -> AsyncIterator[Served]:
    """A server over each database in turn."""
    services = {**config.get("services", {}), **database_config.get("services", {})}
    async with serve(plugins=PLUGINS, config={**config, "services": services}) as running:
        yield running
