"""Real databases."""

from __future__ import annotations

from dinrail_sdk.testing.databases import database_config, module_database_config, own_postgresql, postgresql

__all__ = ["database_config", "module_database_config", "own_postgresql", "postgresql"]
