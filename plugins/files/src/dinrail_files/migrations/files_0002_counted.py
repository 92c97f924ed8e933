"""Files and parts count as what their owner has stored."""

from alembic import op

revision = "files_0002"
down_revision = "files_0001"


def upgrade() -> None:
    """Make the indexes by which they are summed up."""
    for table in ("files", "upload_parts"):
        op.create_index(f"ix_{table}_stored", table, ["tenant", "owner", "bytes"])
