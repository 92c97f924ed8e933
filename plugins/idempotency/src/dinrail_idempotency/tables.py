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
    Column("made", String(400)),
    Column("within", String(400)),
    Index("ix_idempotency_keys_expiry", "expires_at"),
    Index("ix_idempotency_keys_made", "tenant", "owner", "made"),
    Index("ix_idempotency_keys_within", "tenant", "owner", "within"),
)
"""A key of one caller; times are milliseconds since the epoch.

``status`` is empty until there is an answer, 0 where what was made tells it, and 1 where that has been deleted. Of an
answer that is kept, ``made`` is the path of what it tells of (ending with ``/`` where that is a list), and ``within``
that of the object to which it was added.
"""
