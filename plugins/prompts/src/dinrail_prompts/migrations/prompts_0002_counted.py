"""Versions of prompts count as what their owner has stored."""

import sqlalchemy as sa
from alembic import op

revision = "prompts_0002"
down_revision = "prompts_0001"


def upgrade() -> None:
    """Add how much each version takes, and the index by which that is summed up."""
    op.add_column("prompt_versions", sa.Column("bytes", sa.BigInteger, nullable=False, server_default="0"))
    op.execute("UPDATE prompt_versions SET bytes = length(text)")
    op.create_index("ix_prompt_versions_stored", "prompt_versions", ["tenant", "owner", "bytes"])
