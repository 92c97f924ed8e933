"""Both databases."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from dinrail_sdk.testing.databases import database_config, postgresql

sys.path.insert(0, str(Path(__file__).parent))

__all__ = ["database_config", "postgresql"]


@pytest.fixture
def config(database_config: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """A configuration that leads to the same data whenever it is used."""
    services = {**database_config.get("services", {}), "jobs": {"lease": 2}}
    return {"data_dir": str(tmp_path / "data"), "services": services}
