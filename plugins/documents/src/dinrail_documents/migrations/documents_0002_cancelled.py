"""Files that are being read know their jobs, so that those can be cancelled."""

import sqlalchemy as sa
from alembic import op

revision = "documents_0002"
down_revision = "documents_0001"


def upgrade() -> None:
    """Add the job's id."""
    op.add_column("document_readings", sa.Column("job_id", sa.String(80)))
