"""The rows of files, of uploads, and of bytes that belong to neither."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, MetaData, String, Text

from dinrail_sdk.sql.tables import owned_table

__all__ = ["FILES", "LOOSE", "PARTS", "UPLOADS"]

_METADATA = MetaData()

FILES = owned_table(
    "files",
    _METADATA,
    Column("blob", String(100), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("filename", Text, nullable=False),
    Column("purpose", String(40), nullable=False),
    Column("media_type", String(255), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Index("ix_files_expires_at", "expires_at"),
    counted=True,
)
"""A file; its bytes are the blob's."""

LOOSE = owned_table(
    "file_loose_blobs",
    _METADATA,
    Column("writing", Boolean, nullable=False),
    Column("due_at", Float, nullable=False),
    Index("ix_file_loose_blobs_due_at", "due_at"),
)
"""A blob that no file and no part has: it is being written, or is to be removed. Its id is the blob's.

A blob is written down here before its first byte is, and struck out by the transaction that makes it a file's; so no
crash can leave bytes of which nothing is known. ``writing`` says that a process is at it and moves ``due_at`` along;
once ``due_at`` (seconds since the epoch) has passed, anyone may remove it.
"""

UPLOADS = owned_table(
    "uploads",
    _METADATA,
    Column("filename", Text, nullable=False),
    Column("purpose", String(40), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("media_type", String(255), nullable=False),
    Column("file_seconds", BigInteger),
    Column("status", String(20), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_uploads_expires_at", "expires_at"),
)
"""A file that comes in parts. ``file_seconds`` is after how many seconds the file is to vanish by itself."""

PARTS = owned_table(
    "upload_parts",
    _METADATA,
    Column("upload_id", String(80), nullable=False),
    Column("blob", String(100), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_upload_parts_upload_id", "upload_id"),
    part_of="uploads",
    counted=True,
)
"""A part that has arrived; there are none once its upload is no longer pending."""
