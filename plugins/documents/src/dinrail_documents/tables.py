"""The rows of files that are being read without anybody waiting."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Index, MetaData, String, Text

from dinrail_sdk.sql.tables import owned_table

__all__ = ["READINGS"]

_METADATA = MetaData()

READINGS = owned_table(
    "document_readings",
    _METADATA,
    Column("file_id", String(80), nullable=False),
    Column("request", JSON, nullable=False),
    Column("status", String(20), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("result", Text),
    Column("error", JSON),
    Column("job_id", String(80)),
    Index("ix_document_readings_created_at", "created_at"),
)
"""A file that is being read. ``result`` is the JSON text of a ``ProcessedFile``."""
