"""Keys, and what they have used."""

import sqlalchemy as sa
from alembic import op

revision = "access_0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "access_keys",
        *_owned(80),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("redacted", sa.String(40), nullable=False),
        sa.Column("name", sa.String(200)),
        sa.Column("for_tenant", sa.String(200), nullable=False),
        sa.Column("for_user", sa.String(200)),
        sa.Column("roles", sa.JSON, nullable=False),
        sa.Column("limits", sa.JSON, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
    )
    op.create_table(
        "access_buckets",
        *_owned(120),
        sa.Column("level", sa.Float, nullable=False),
        sa.Column("filled_at", sa.Float, nullable=False),
    )
    op.create_table(
        "access_slots",
        *_owned(200),
        sa.Column("bucket", sa.String(120), nullable=False, index=True),
        sa.Column("taken", sa.Integer, nullable=False),
        sa.Column("until", sa.Float, nullable=False),
    )
    for table in ("access_keys", "access_buckets", "access_slots"):
        op.create_index(f"ix_{table}_owner", table, ["tenant", "owner", "id"])


def _owned(length: int) -> list[sa.Column[str]]:
    return [
        sa.Column("id", sa.String(length), primary_key=True),
        sa.Column("tenant", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("audience", sa.Text, nullable=False, server_default=""),
    ]
