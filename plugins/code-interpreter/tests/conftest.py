"""Containers over both databases, where this machine can keep code from everything else."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from dinrail_code_interpreter.sandbox import Sandbox
from dinrail_core.errors import Unavailable
from dinrail_core.hooks import Rail
from dinrail_sdk.testing import Served, open_rail, serve
from dinrail_sdk.testing.databases import database_config, postgresql

__all__ = ["database_config", "postgresql"]

PLUGINS = ("database", "blobs", "files", "code-interpreter", "jobs")


async def _checked(folder: Path) -> Sandbox:
    """The sandbox, tried out in an empty folder; the test is skipped where there can be none."""
    found = Sandbox(Path(sys.executable))
    try:
        await found.check(folder)
    except Unavailable as error:
        pytest.skip(f"CODE IS NOT RUN HERE, AND THAT IT IS KEPT IN IS NOT TESTED: {error.message}")
    return found


@pytest.fixture
async def sandbox(tmp_path: Path) -> Sandbox:
    """The sandbox, checked."""
    trial = tmp_path / "trial"
    trial.mkdir()
    return await _checked(trial)


@pytest.fixture
async def rail(sandbox: Sandbox, database_config: dict[str, Any], tmp_path: Path) -> AsyncIterator[Rail]:
    """A rail with containers and files."""
    own = {"timeout": 20, "max_container_bytes": 4 * 2**20}
    services = {**database_config.get("services", {}), "code-interpreter": own}
    config = {"data_dir": str(tmp_path / "data"), **database_config, "services": services}
    async with open_rail(plugins=PLUGINS, config=config) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """A server with containers of a MiB, for a module."""
    await _checked(tmp_path_factory.mktemp("trial"))
    services = {"code-interpreter": {"max_container_bytes": 2**20}}
    async with serve(plugins=(*PLUGINS, "idempotency"), config={"services": services}) as running:
        yield running
