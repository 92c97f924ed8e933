"""Conversations and their items count as what their owner has stored; requests that add items may be tried again."""

import sqlalchemy as sa
from alembic import op

revision = "conversations_0002"
down_revision = "conversations_0001"


def upgrade() -> None:
    """Add how much each row takes, the indexes by which that is summed up, and which items a request has added."""
    for table, text in (("conversations", "CAST(metadata AS TEXT)"), ("conversation_items", "body")):
        op.add_column(table, sa.Column("bytes", sa.BigInteger, nullable=False, server_default="0"))
        op.execute(f"UPDATE {table} SET bytes = coalesce(length({text}), 0)")  # noqa: S608 (names of our own)
        op.create_index(f"ix_{table}_stored", table, ["tenant", "owner", "bytes"])
    op.add_column("conversation_items", sa.Column("seed", sa.String(48)))
