"""Batches over both databases."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

sys.path.insert(0, str(Path(__file__).parent))

from desk import Desk, open_desk

from dinrail_sdk.testing.databases import database_config, module_database_config, postgresql

__all__ = ["database_config", "module_database_config", "postgresql"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_desk(
    module_database_config: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Desk]:
    """A server with a model, and a client, for a module's tests."""
    async with open_desk(tmp_path_factory.mktemp("data"), **module_database_config.get("services", {})) as desk:
        yield desk


@pytest.fixture
def desk(module_desk: Desk) -> Desk:
    """The same, with a model that knows of no test before."""
    module_desk.model.forget()
    return module_desk
