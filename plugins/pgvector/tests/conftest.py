"""A real PostgreSQL with pgvector."""

from dinrail_sdk.testing.databases import own_postgresql, postgresql

__all__ = ["own_postgresql", "postgresql"]
