"""Jobs, their recorded steps, and the processes that do them."""

import sqlalchemy as sa
from alembic import op

revision = "jobs_0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(120), primary_key=True),
        sa.Column("tenant", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("audience", sa.Text, nullable=False, server_default=""),
        sa.Column("kind", sa.String(80), nullable=False),
        sa.Column("key_hash", sa.String(64), unique=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("duty", sa.String(8)),
        sa.Column("due_at", sa.Float, nullable=False),
        sa.Column("worker", sa.String(48)),
        sa.Column("claim", sa.String(48)),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("periodic", sa.Boolean, nullable=False),
        sa.Column("cancelling", sa.Boolean, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("losses", sa.Integer, nullable=False),
        sa.Column("progress", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("started_at", sa.Float),
        sa.Column("ended_at", sa.Float),
    )
    op.create_index("ix_jobs_owner", "jobs", ["tenant", "owner", "id"])
    op.create_index("ix_jobs_duty", "jobs", ["duty", "worker", "due_at"])
    op.create_index("ix_jobs_state", "jobs", ["state", "kind", "tenant"])
    op.create_index("ix_jobs_ended_at", "jobs", ["ended_at"])
    op.create_table(
        "job_steps",
        sa.Column("job_id", sa.String(120), primary_key=True),
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("result", sa.Text, nullable=False),
    )
    op.create_table(
        "job_workers",
        sa.Column("id", sa.String(48), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("alive_until", sa.Float, nullable=False),
    )
