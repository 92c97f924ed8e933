"""Batches over both databases."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from desk import PLUGINS, Desk, Model, model_type

from dinrail_sdk.testing import serve
from dinrail_sdk.testing.databases import database_config, postgresql

__all__ = ["database_config", "postgresql"]


@pytest.fixture
def settings() -> dict[str, Any]:
    """``[services.batches]``; a test may change it before it asks for a desk."""
    return {"backoff": 0.05}


@pytest.fixture
async def desk(database_config: dict[str, Any], settings: dict[str, Any], tmp_path: Path) -> AsyncIterator[Desk]:
    """A server with a model, and a client."""
    model = Model()
    services = {**database_config.get("services", {}), "batches": settings}
    config = {"data_dir": str(tmp_path), "services": services, "providers": {"up": {"type": "kit"}}}
    async with serve(model_type(model), config=config, plugins=PLUGINS) as served, served.openai() as client:
        yield Desk(client, model)
