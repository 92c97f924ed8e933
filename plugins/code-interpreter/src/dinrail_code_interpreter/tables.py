"""The rows of containers and of their files."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Text

from dinrail_sdk.sql.tables import owned_table

__all__ = ["CONTAINERS", "FILES"]

_METADATA = MetaData()

CONTAINERS = owned_table(
    "containers",
    _METADATA,
    Column("name", Text, nullable=False),
    Column("memory", String(8), nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("active_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_containers_expires_at", "expires_at"),
)
"""A container; its bytes are a folder of its id."""

FILES = owned_table(
    "container_files",
    _METADATA,
    Column("container_id", String(80), nullable=False),
    Column("path", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("stamp", String(40), nullable=False),
    Column("source", String(20), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_container_files_container_id", "container_id"),
    part_of="containers",
    counted=True,
)
"""A file in a container's folder; ``stamp`` changes with what is in it."""
