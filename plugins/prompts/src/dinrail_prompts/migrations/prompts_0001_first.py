"""Prompts and their versions."""

import sqlalchemy as sa
from alembic import op

revision = "prompts_0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "prompts",
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("tenant", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("audience", sa.Text, nullable=False, server_default=""),
        sa.Column("default_version", sa.Integer, nullable=False),
        sa.Column("latest_version", sa.Integer, nullable=False),
    )
    op.create_index("ix_prompts_owner", "prompts", ["tenant", "owner", "id"])
    op.create_table(
        "prompt_versions",
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("tenant", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("audience", sa.Text, nullable=False, server_default=""),
        sa.Column("prompt_id", sa.String(80), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("variables", sa.JSON, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("prompt_id", "version"),
    )
    op.create_index("ix_prompt_versions_owner", "prompt_versions", ["tenant", "owner", "id"])
