"""Stores keep their descriptions."""

import sqlalchemy as sa
from alembic import op

revision = "vector_stores_0004"
down_revision = "vector_stores_0003"


def upgrade() -> None:
    """Add the description."""
    op.add_column("vector_stores", sa.Column("description", sa.Text))
