"""Files, uploads, and bytes that belong to neither."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "files_0001"
down_revision = None


def _owned(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("tenant", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("audience", sa.Text, nullable=False, server_default=""),
        *columns,
    )
    op.create_index(f"ix_{name}_owner", name, ["tenant", "owner", "id"])


def upgrade() -> None:
    """Make the tables."""
    _owned(
        "files",
        sa.Column("blob", sa.String(100), nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("media_type", sa.String(255), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
    )
    op.create_index("ix_files_expires_at", "files", ["expires_at"])
    _owned(
        "file_loose_blobs",
        sa.Column("writing", sa.Boolean, nullable=False),
        sa.Column("due_at", sa.Float, nullable=False),
    )
    op.create_index("ix_file_loose_blobs_due_at", "file_loose_blobs", ["due_at"])
    _owned(
        "uploads",
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("media_type", sa.String(255), nullable=False),
        sa.Column("file_seconds", sa.BigInteger),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_uploads_expires_at", "uploads", ["expires_at"])
    _owned(
        "upload_parts",
        sa.Column("upload_id", sa.String(80), nullable=False),
        sa.Column("blob", sa.String(100), nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_upload_parts_upload_id", "upload_parts", ["upload_id"])
