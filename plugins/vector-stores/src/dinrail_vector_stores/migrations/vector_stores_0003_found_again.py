"""Files are found in all stores by their ids, and a store on its way to another model knows by which job."""

import sqlalchemy as sa
from alembic import op

revision = "vector_stores_0003"
down_revision = "vector_stores_0002"


def upgrade() -> None:
    """Add the index and the job's key; a way that had begun has its job already, and none is made for it."""
    op.create_index("ix_vector_store_files_file_id", "vector_store_files", ["file_id"])
    op.add_column("vector_stores", sa.Column("next_job", sa.String(80)))
    op.add_column("vector_stores", sa.Column("next_by", sa.String(200)))
