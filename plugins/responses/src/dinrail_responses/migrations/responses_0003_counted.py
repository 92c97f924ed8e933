"""Responses count, with their items and entries, as what their owner has stored."""

import sqlalchemy as sa
from alembic import op

revision = "responses_0003"
down_revision = "responses_0002"


def upgrade() -> None:
    """Add how much each response takes, and the index by which that is summed up."""
    op.add_column("responses", sa.Column("bytes", sa.BigInteger, nullable=False, server_default="0"))
    parts = (
        f"coalesce((SELECT sum(length({table}.body)) FROM {table} WHERE {table}.response_id = responses.id), 0)"  # noqa: S608 (names of our own)
        for table in ("response_items", "response_entries")
    )
    op.execute(f"UPDATE responses SET bytes = length(body) + {' + '.join(parts)} WHERE body IS NOT NULL")  # noqa: S608 (as above)
    op.create_index("ix_responses_stored", "responses", ["tenant", "owner", "bytes"])
