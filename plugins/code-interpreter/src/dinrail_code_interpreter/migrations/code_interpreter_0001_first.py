"""Containers and their files."""

import sqlalchemy as sa
from alembic import op

revision = "code_interpreter_0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "containers",
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("tenant", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("audience", sa.Text, nullable=False, server_default=""),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("memory", sa.String(8), nullable=False),
        sa.Column("minutes", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("active_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_containers_owner", "containers", ["tenant", "owner", "id"])
    op.create_index("ix_containers_expires_at", "containers", ["expires_at"])
    op.create_table(
        "container_files",
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("tenant", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("audience", sa.Text, nullable=False, server_default=""),
        sa.Column("container_id", sa.String(80), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("stamp", sa.String(40), nullable=False),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_container_files_owner", "container_files", ["tenant", "owner", "id"])
    op.create_index("ix_container_files_stored", "container_files", ["tenant", "owner", "bytes"])
    op.create_index("ix_container_files_container_id", "container_files", ["container_id"])
