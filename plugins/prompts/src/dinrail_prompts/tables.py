"""The rows of prompts."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Integer, MetaData, String, Text, UniqueConstraint

from dinrail_sdk.sql.tables import owned_table

__all__ = ["PROMPTS", "VERSIONS"]

_METADATA = MetaData()

PROMPTS = owned_table(
    "prompts",
    _METADATA,
    Column("default_version", Integer, nullable=False),
    Column("latest_version", Integer, nullable=False),
)
"""A prompt; its texts are its versions'."""

VERSIONS = owned_table(
    "prompt_versions",
    _METADATA,
    Column("prompt_id", String(80), nullable=False),
    Column("version", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("variables", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("prompt_id", "version"),
    part_of="prompts",
    counted=True,
)
"""A version; never changed once it is there."""
