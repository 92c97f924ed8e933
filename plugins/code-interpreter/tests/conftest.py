"""Containers over both databases, where this machine can keep code from everything else."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dinrail_code_interpreter.sandbox import Sandbox
from dinrail_core.errors import Unavailable
from dinrail_core.hooks import Rail
from dinrail_sdk.testing import open_rail
from dinrail_sdk.testing.databases import database_config, postgresql

__all__ = ["database_config", "postgresql"]

PLUGINS = ("database", "blobs", "files", "code-interpreter")


@pytest.fixture
async def sandbox(tmp_path: Path) -> Sandbox:
    """The sandbox, checked."""
    found = Sandbox(Path(sys.executable))
    trial = tmp_path / "trial"
    trial.mkdir()
    try:
        await found.check(trial)
    except Unavailable as error:
        pytest.skip(f"CODE IS NOT RUN HERE, AND THAT IT IS KEPT IN IS NOT TESTED: {error.message}")
    return found


@pytest.fixture
async def rail(sandbox: Sandbox, database_config: dict[str, Any], tmp_path: Path) -> AsyncIterator[Rail]:
    """A rail with containers and files."""
    own = {"timeout": 20, "max_container_bytes": 4 * 2**20}
    services = {**database_config.get("services", {}), "code-interpreter": own}
    config = {"data_dir": str(tmp_path / "data"), **database_config, "services": services}
    async with open_rail(plugins=PLUGINS, config=config) as opened:
        yield opened
