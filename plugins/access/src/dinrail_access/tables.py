"""The rows of keys and of what they have used."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Float, Integer, MetaData, String

from dinrail_core.api.call import Principal
from dinrail_sdk.sql.tables import owned_table

__all__ = ["BUCKETS", "KEYS", "SERVICE", "SLOTS"]

SERVICE = Principal("$access")
"""The owner of all rows here: this service, on nobody's behalf. Whom a key belongs to is a matter of its columns."""

_METADATA = MetaData()

KEYS = owned_table(
    "access_keys",
    _METADATA,
    Column("digest", String(64), nullable=False, unique=True),
    Column("redacted", String(40), nullable=False),
    Column("name", String(200)),
    Column("for_tenant", String(200), nullable=False),
    Column("for_user", String(200)),
    Column("roles", JSON, nullable=False),
    Column("limits", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
)
"""API keys; of each, what is needed to know it again, and not the key."""

BUCKETS = owned_table(
    "access_buckets",
    _METADATA,
    Column("level", Float, nullable=False),
    Column("filled_at", Float, nullable=False),
    id_length=120,
)
"""What is left of a caller's requests or tokens of this minute, beyond what processes have taken out."""

SLOTS = owned_table(
    "access_slots",
    _METADATA,
    Column("bucket", String(120), nullable=False, index=True),
    Column("taken", Integer, nullable=False),
    Column("until", Float, nullable=False),
    id_length=200,
)
"""How many requests at once each process has set aside for a caller, and until when that counts."""
