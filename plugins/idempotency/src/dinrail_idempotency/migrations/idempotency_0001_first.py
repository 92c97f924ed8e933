"""Keys and the answers that they had."""

import sqlalchemy as sa
from alembic import op

revision = "idempotency_0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "idempotency_keys",
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("tenant", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("audience", sa.Text, nullable=False, server_default=""),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("seed", sa.String(48), nullable=False),
        sa.Column("token", sa.String(48), nullable=False),
        sa.Column("claimed_until", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("content_type", sa.String(255)),
        sa.Column("body", sa.LargeBinary),
    )
    op.create_index("ix_idempotency_keys_owner", "idempotency_keys", ["tenant", "owner", "id"])
    op.create_index("ix_idempotency_keys_expiry", "idempotency_keys", ["expires_at"])
