"""Alembic runs this: it migrates over the connection that it is handed, inside the transaction that is open there."""

from alembic import context

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    version_table=attributes["version_table"],
    target_metadata=None,
    transactional_ddl=False,  # the caller's transaction is the one that counts
)
context.run_migrations()
