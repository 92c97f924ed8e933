"""Answers are forgotten when what they tell of is deleted."""

import sqlalchemy as sa
from alembic import op

revision = "idempotency_0002"
down_revision = "idempotency_0001"


def upgrade() -> None:
    """Add where that stands, and the indexes by which it is found; of answers that are there already nobody knows."""
    for name in ("made", "within"):
        op.add_column("idempotency_keys", sa.Column(name, sa.String(400)))
        op.create_index(f"ix_idempotency_keys_{name}", "idempotency_keys", ["tenant", "owner", name])
