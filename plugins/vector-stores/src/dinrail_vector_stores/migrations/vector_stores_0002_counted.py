"""Vector stores and their files count as what their owner has stored."""

import sqlalchemy as sa
from alembic import op

revision = "vector_stores_0002"
down_revision = "vector_stores_0001"


def upgrade() -> None:
    """Add how much each row takes, and the indexes by which that is summed up."""
    for table, size in (
        ("vector_stores", "length(name) + length(CAST(metadata AS TEXT))"),
        ("vector_store_files", "usage_bytes + length(CAST(attributes AS TEXT))"),
    ):
        op.add_column(table, sa.Column("bytes", sa.BigInteger, nullable=False, server_default="0"))
        op.execute(f"UPDATE {table} SET bytes = {size}")  # noqa: S608 (names of our own)
        op.create_index(f"ix_{table}_stored", table, ["tenant", "owner", "bytes"])
