"""Stores, files, chunks, batches, and what is to be removed."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from dinrail_sdk.sql.fulltext import create_full_text

revision = "vector_stores_0001"
down_revision = None


def _owned(name: str, *columns: Any, id_length: int = 80) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.String(id_length), primary_key=True),
        sa.Column("tenant", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("audience", sa.Text, nullable=False, server_default=""),
        *columns,
    )
    op.create_index(f"ix_{name}_owner", name, ["tenant", "owner", "id"])


def _counts() -> list[sa.Column[int]]:
    return [
        sa.Column(state, sa.Integer, nullable=False) for state in ("in_progress", "completed", "failed", "cancelled")
    ]


def upgrade() -> None:
    """Make the tables, and the index of words."""
    _owned(
        "vector_stores",
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("expires_days", sa.Integer),
        sa.Column("last_active_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("emptied", sa.Boolean, nullable=False),
        sa.Column("usage_bytes", sa.BigInteger, nullable=False),
        sa.Column("chunks", sa.BigInteger, nullable=False),
        sa.Column("words", sa.BigInteger, nullable=False),
        *_counts(),
        sa.Column("provider", sa.String(200), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("model", sa.String(512), nullable=False),
        sa.Column("dimension", sa.Integer, nullable=False),
        sa.Column("shortened", sa.Boolean, nullable=False),
        sa.Column("next_model", sa.String(512)),
        sa.Column("next_dimension", sa.Integer),
        sa.Column("next_shortened", sa.Boolean),
        sa.Column("next_done", sa.BigInteger, nullable=False),
        sa.Column("next_error", sa.Text),
    )
    op.create_index("ix_vector_stores_expires_at", "vector_stores", ["expires_at"])
    _owned(
        "vector_store_files",
        sa.Column("store_id", sa.String(80), nullable=False),
        sa.Column("file_id", sa.String(80), nullable=False),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("error", sa.JSON),
        sa.Column("strategy", sa.JSON, nullable=False),
        sa.Column("attributes", sa.JSON, nullable=False),
        sa.Column("batch_id", sa.String(80)),
        sa.Column("group_id", sa.String(80), nullable=False),
        sa.Column("added_by", sa.String(200), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("usage_bytes", sa.BigInteger, nullable=False),
        sa.Column("chunks", sa.Integer, nullable=False),
        sa.Column("words", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("store_id", "file_id"),
    )
    op.create_index("ix_vector_store_files_batch_id", "vector_store_files", ["batch_id"])
    op.create_index("ix_vector_store_files_group_id", "vector_store_files", ["group_id"])
    _owned(
        "vector_store_chunks",
        sa.Column("store_id", sa.String(80), nullable=False),
        sa.Column("file", sa.String(80), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("key", sa.BigInteger, nullable=False, unique=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("context", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("length", sa.Integer, nullable=False),
        sa.Column("start_index", sa.Integer, nullable=False),
        sa.Column("end_index", sa.Integer, nullable=False),
        sa.Column("page", sa.Integer),
        sa.Column("last_page", sa.Integer),
        sa.UniqueConstraint("file", "position"),
        id_length=100,
    )
    op.create_index("ix_vector_store_chunks_store_id", "vector_store_chunks", ["store_id"])
    create_full_text(op, "vector_store_chunks", words="words", length="length", within="store_id", key="key")
    _owned(
        "vector_store_batches",
        sa.Column("store_id", sa.String(80), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("cancelled_at", sa.BigInteger),
        sa.Column("job_id", sa.String(80)),
        *_counts(),
    )
    op.create_index("ix_vector_store_batches_store_id", "vector_store_batches", ["store_id"])
    _owned(
        "vector_store_loose",
        sa.Column("provider", sa.String(200), nullable=False),
        sa.Column("collection", sa.String(80), nullable=False),
        sa.Column("file", sa.String(80)),
        sa.Column("store_id", sa.String(80), nullable=False),
        sa.Column("due_at", sa.Float, nullable=False),
    )
    op.create_index("ix_vector_store_loose_due_at", "vector_store_loose", ["due_at"])
