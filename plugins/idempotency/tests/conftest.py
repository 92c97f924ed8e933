"""Both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dinrail_sdk.testing.databases import database_config, postgresql

__all__ = ["database_config", "postgresql"]


@pytest.fixture
def config(database_config: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """A configuration that leads to the same data whenever it is used."""
    return {"data_dir": str(tmp_path / "data"), **database_config}
