"""A real PostgreSQL with pgvector."""

from dinrail_sdk.testing.databases import own_postgresql, postgresql
from dinrail_sdk.testing.vector_runs import pytest_collection_modifyitems

__all__ = ["own_postgresql", "postgresql", "pytest_collection_modifyitems"]
