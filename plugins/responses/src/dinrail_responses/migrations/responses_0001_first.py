"""Responses, their items, and what those in the background have written."""

import sqlalchemy as sa
from alembic import op

revision = "responses_0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "responses",
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("tenant", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("audience", sa.Text, nullable=False, server_default=""),
        sa.Column("created_at", sa.Integer, nullable=False),
        sa.Column("model", sa.String(512), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("background", sa.Boolean, nullable=False),
        sa.Column("parent_id", sa.String(80)),
        sa.Column("branch", sa.String(80), nullable=False),
        sa.Column("depth", sa.Integer, nullable=False),
        sa.Column("fork_branch", sa.String(80)),
        sa.Column("job_id", sa.String(128)),
        sa.Column("body", sa.Text),
        sa.UniqueConstraint("branch", "depth"),
    )
    op.create_index("ix_responses_owner", "responses", ["tenant", "owner", "id"])
    op.create_table(
        "response_items",
        sa.Column("id", sa.String(100), primary_key=True),
        sa.Column("tenant", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("audience", sa.Text, nullable=False, server_default=""),
        sa.Column("response_id", sa.String(80), nullable=False),
        sa.Column("branch", sa.String(80), nullable=False),
        sa.Column("depth", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("output", sa.Boolean, nullable=False),
        sa.Column("item_id", sa.String(512), nullable=False),
        sa.Column("kind", sa.String(80), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.UniqueConstraint("response_id", "output", "position"),
    )
    op.create_index("ix_response_items_owner", "response_items", ["tenant", "owner", "id"])
    op.create_index("ix_response_items_item", "response_items", ["item_id"])
    op.create_index("ix_response_items_branch", "response_items", ["branch", "depth"])
    op.create_table(
        "response_entries",
        sa.Column("id", sa.String(100), primary_key=True),
        sa.Column("tenant", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("audience", sa.Text, nullable=False, server_default=""),
        sa.Column("response_id", sa.String(80), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer),
        sa.Column("step", sa.String(80)),
        sa.Column("body", sa.Text, nullable=False),
        sa.UniqueConstraint("response_id", "position"),
    )
    op.create_index("ix_response_entries_owner", "response_entries", ["tenant", "owner", "id"])
