"""Stores over both databases, with models that tests can foresee."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dinrail_sdk.testing.databases import database_config, postgresql

sys.path.insert(0, str(Path(__file__).parent))

from shop import Shop, open_shop

__all__ = ["database_config", "postgresql"]


@pytest.fixture
def config(database_config: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """A configuration that leads to the same data whenever it is used."""
    stores = {"embedding_model": "models/bag", "rewrite_model": "models/parrot", "batch": 8}
    services = {**database_config.get("services", {}), "vector-stores": stores, "jobs": {"lease": 2}}
    return {"data_dir": str(tmp_path / "data"), "services": services}


@pytest.fixture
async def shop(config: dict[str, Any]) -> AsyncIterator[Shop]:
    """Ann's stores."""
    async with open_shop(config) as opened:
        yield opened
