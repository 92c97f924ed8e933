"""The rows of responses."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, String, Text, UniqueConstraint

from dinrail_sdk.sql.tables import owned_table

__all__ = ["ENTRIES", "ITEMS", "RESPONSES"]

_METADATA = MetaData()

RESPONSES = owned_table(
    "responses",
    _METADATA,
    Column("created_at", Integer, nullable=False),
    Column("model", String(512), nullable=False),
    Column("status", String(20), nullable=False),
    Column("background", Boolean, nullable=False),
    Column("parent_id", String(80)),
    Column("branch", String(80), nullable=False),
    Column("depth", Integer, nullable=False),
    Column("fork_branch", String(80)),
    Column("job_id", String(128)),
    Column("body", Text),
    Column("bytes", BigInteger, nullable=False),
    UniqueConstraint("branch", "depth"),
    counted=True,
)
"""A response. ``body`` is its JSON text without the output; one that was deleted has none, and is but a link. ``bytes``
is how much it takes with its items and entries, which need no index for it then.

A chain is read by its branches: a response that goes on from the newest of a branch is the next of it (``depth``), and
one that goes on from another begins a branch of its own behind ``fork_branch``, one deeper than its parent. So a chain
of any length takes a look for each fork, and no response knows more than its parent.
"""

ITEMS = owned_table(
    "response_items",
    _METADATA,
    Column("response_id", String(80), nullable=False),
    Column("branch", String(80), nullable=False),
    Column("depth", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("output", Boolean, nullable=False),
    Column("item_id", String(512), nullable=False),
    Column("kind", String(80), nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("response_id", "output", "position"),
    Index("ix_response_items_item", "item_id"),
    Index("ix_response_items_branch", "branch", "depth"),
    id_length=100,
    part_of="responses",
    listed=False,
)
"""An item that a response was given, or that it put out: its JSON text."""

ENTRIES = owned_table(
    "response_entries",
    _METADATA,
    Column("response_id", String(80), nullable=False),
    Column("position", Integer, nullable=False),
    Column("number", Integer),
    Column("step", String(80)),
    Column("body", Text, nullable=False),
    UniqueConstraint("response_id", "position"),
    id_length=100,
    part_of="responses",
    listed=False,
)
"""What a response in the background has written so far: events (with their sequence ``number``), and steps taken."""
