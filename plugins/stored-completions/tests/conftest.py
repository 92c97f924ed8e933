"""Stored completions over both databases, as a service and behind the server, in front of a fake upstream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dinrail_core.api.stored_completions import StoredCompletions
from dinrail_sdk.testing import OPENAI, FakeUpstream, Served, open_rail, serve
from dinrail_sdk.testing.databases import database_config, own_postgresql, postgresql

__all__ = ["database_config", "own_postgresql", "postgresql"]

PLUGINS = ("database", "openai-compatible", "stored-completions")


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    """The model server."""
    async with FakeUpstream.open(OPENAI) as fake:
        yield fake


@pytest.fixture
def config(database_config: dict[str, Any], tmp_path: Path, upstream: FakeUpstream) -> dict[str, Any]:
    """A configuration that leads to the same data whenever it is used."""
    providers = {"one": {"type": "openai-compatible", "base_url": upstream.url}}
    return {"data_dir": str(tmp_path / "data"), "providers": providers, **database_config}


@pytest.fixture
async def completions(config: dict[str, Any]) -> AsyncIterator[StoredCompletions]:
    """The service."""
    async with open_rail(plugins=PLUGINS, config=config) as rail:
        yield await rail.service(StoredCompletions)


@pytest.fixture
async def served(config: dict[str, Any]) -> AsyncIterator[Served]:
    """A server."""
    async with serve(plugins=PLUGINS, config=config) as running:
        yield running
