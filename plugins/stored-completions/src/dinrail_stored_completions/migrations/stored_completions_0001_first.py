"""Stored completions and what was asked."""

import sqlalchemy as sa
from alembic import op

revision = "stored_completions_0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "chat_completions",
        *_ownership(),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("asked_model", sa.Text, nullable=False),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "chat_completion_inputs",
        *_ownership(),
        sa.Column("messages", sa.Text, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
    )
    for table in ("chat_completions", "chat_completion_inputs"):
        op.create_index(f"ix_{table}_owner", table, ["tenant", "owner", "id"])
        op.create_index(f"ix_{table}_stored", table, ["tenant", "owner", "bytes"])


def _ownership() -> list[sa.Column[str]]:
    return [
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("tenant", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("audience", sa.Text, nullable=False, server_default=""),
    ]
