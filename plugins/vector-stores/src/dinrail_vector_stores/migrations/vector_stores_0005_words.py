"""Words are indexed together with the store that they are in."""

from alembic import op

from dinrail_sdk.sql.fulltext import create_full_text

revision = "vector_stores_0005"
down_revision = "vector_stores_0004"


def upgrade() -> None:
    """Make the index of words anew where an older version has made it."""
    create_full_text(op, "vector_store_chunks", words="words", length="length", within="store_id", key="key")
