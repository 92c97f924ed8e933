"""The rows of idempotency keys."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String

from dinrail_sdk.sql.tables import owned_table

__all__ = ["KEYS"]

KEYS = owned_table(
    "idempotency_keys",
    MetaData(),
    Column("fingerprint", String(64), nullable=False),
    Column("seed", String(48), nullable=False),
    Column("token", String(48), nullable=False),
    Column("claimed_until", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("status", Integer),
    Column("content_type", String(255)),
    Column("body", LargeBinary),
    Index("ix_idempotency_keys_expiry", "expires_at"),
)
"""A key of one caller. ``status`` is empty until there is an answer, and 0 where what was made tells it; times are
milliseconds since the epoch.
"""
