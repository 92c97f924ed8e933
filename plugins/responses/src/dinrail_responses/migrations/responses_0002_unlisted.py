"""Items and entries are found by their response alone, so nothing is listed by their owner."""

from alembic import op

revision = "responses_0002"
down_revision = "responses_0001"


def upgrade() -> None:
    """Drop the indexes that nothing uses."""
    op.drop_index("ix_response_items_owner", table_name="response_items")
    op.drop_index("ix_response_entries_owner", table_name="response_entries")
