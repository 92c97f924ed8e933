"""Items are found by their conversation or by their ids, so nothing is listed by their owner."""

from alembic import op

revision = "conversations_0003"
down_revision = "conversations_0002"


def upgrade() -> None:
    """Drop the index that nothing needs; what an owner has stored is summed up by another one."""
    op.drop_index("ix_conversation_items_owner", table_name="conversation_items")
