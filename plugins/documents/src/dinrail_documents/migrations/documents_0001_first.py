"""Files that are being read."""

import sqlalchemy as sa
from alembic import op

revision = "documents_0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "document_readings",
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("tenant", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("audience", sa.Text, nullable=False, server_default=""),
        sa.Column("file_id", sa.String(80), nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("result", sa.Text),
        sa.Column("error", sa.JSON),
    )
    op.create_index("ix_document_readings_owner", "document_readings", ["tenant", "owner", "id"])
    op.create_index("ix_document_readings_created_at", "document_readings", ["created_at"])
