"""The rows of webhooks."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, MetaData, String, Text

from dinrail_sdk.sql.tables import owned_table

__all__ = ["ENDPOINTS"]

ENDPOINTS = owned_table(
    "webhook_endpoints",
    MetaData(),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("event_types", JSON, nullable=False),
    Column("salt", String(64), nullable=False),
    Column("old_salt", String(64)),
    Column("old_until", BigInteger),
    Column("key_check", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
"""An endpoint. Its secret is not in here: it is made of the salt and a key that is not in the database."""
