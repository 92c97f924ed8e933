"""The rows of conversations."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, MetaData, String, Text, UniqueConstraint

from dinrail_sdk.sql.tables import owned_table

__all__ = ["CONVERSATIONS", "ITEMS"]

_METADATA = MetaData()

CONVERSATIONS = owned_table(
    "conversations",
    _METADATA,
    Column("created_at", Integer, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("next_position", Integer, nullable=False),
    Column("holder", String(64)),
    Column("held_until", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False, server_default="0"),
    counted=True,
)
"""A conversation. ``holder`` may write alone until ``held_until`` (milliseconds since the epoch)."""

ITEMS = owned_table(
    "conversation_items",
    _METADATA,
    Column("conversation_id", String(80), nullable=False),
    Column("position", Integer, nullable=False),
    Column("item_id", String(512), nullable=False),
    Column("kind", String(80), nullable=False),
    Column("body", Text),
    Column("created_at", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False, server_default="0"),
    Column("seed", String(48)),
    UniqueConstraint("conversation_id", "position"),
    UniqueConstraint("conversation_id", "item_id"),
    Index("ix_conversation_items_item", "item_id"),
    id_length=100,
    part_of="conversations",
    counted=True,
    listed=False,
)
"""An item of a conversation's log. ``body`` is its JSON text; one that was deleted has none, and is a cursor only.

The first item of a request that may be tried again has its ``seed``.
"""
