"""The rows of batches."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, LargeBinary, MetaData, String

from dinrail_sdk.sql.tables import owned_table

__all__ = ["BATCHES", "COUNTS", "LINES", "TIMES", "TOKENS"]

_METADATA = MetaData()

TIMES = (
    "in_progress_at",
    "finalizing_at",
    "completed_at",
    "failed_at",
    "expired_at",
    "cancelling_at",
    "cancelled_at",
)
"""When a batch came where it is, in seconds since the epoch."""

COUNTS = ("completed", "failed")
"""What has become of its lines."""

TOKENS = ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "total_tokens")
"""What its lines have used."""

BATCHES = owned_table(
    "batches",
    _METADATA,
    Column("job_id", String(200), nullable=False),
    Column("endpoint", String(100), nullable=False),
    Column("input_file_id", String(200), nullable=False),
    Column("completion_window", String(20), nullable=False),
    Column("output_seconds", BigInteger),
    Column("metadata", JSON(none_as_null=True)),
    Column("status", String(20), nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("model", String(500)),
    Column("errors", JSON(none_as_null=True)),
    Column("output_file_id", String(200)),
    Column("error_file_id", String(200)),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    *(Column(name, BigInteger) for name in TIMES),
    Column("total", Integer, nullable=False),
    *(Column(name, Integer, nullable=False) for name in COUNTS),
    *(Column(name, BigInteger, nullable=False) for name in TOKENS),
)
"""A batch. Once it is closed, none of its lines can come to anything any more."""

LINES = owned_table(
    "batch_lines",
    _METADATA,
    Column("failed", Boolean, nullable=False),
    Column("size", Integer, nullable=False),
    Column("text", LargeBinary, nullable=False),
    part_of="batches",
)
"""What a line has come to, as it is written into a file at the end; gone once it is there."""
