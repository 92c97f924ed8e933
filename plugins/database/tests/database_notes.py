"""A service's tables and revisions, and what tests do with them."""

from __future__ import annotations

import textwrap
from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, String, Text

from dinrail_core.api.call import Principal
from dinrail_sdk.sql.tables import owned_table

NOTES = owned_table(
    "notes",
    MetaData(),
    Column("text", Text, nullable=False),
    Column("size", Integer),
    Column("slug", String, unique=True),
)
ANN = Principal("acme", "ann")
BOB = Principal("acme", "bob")

FIRST = """
    op.create_table(
        "notes",
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("tenant", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("audience", sa.Text, nullable=False, server_default=""),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("size", sa.Integer),
        sa.Column("slug", sa.String, unique=True),
    )
    op.create_index("ix_notes_owner", "notes", ["tenant", "owner", "id"])
"""
SECOND = """
    op.add_column("notes", sa.Column("colour", sa.String(20)))
"""


class Site:
    """A folder on the import path with distributions that have revisions.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str, *upgrades: str) -> None:
        """Install a distribution whose revisions are these bodies, the oldest first; in place of an earlier one."""
        package = self.folder / f"dbtest_{name}" / "migrations"
        package.mkdir(parents=True, exist_ok=True)
        (package.parent / "__init__.py").touch()
        for old in package.glob("*.py"):
            old.unlink()
        (package / "__init__.py").touch()
        for number, body in enumerate(upgrades, 1):
            down = f'"{name}_{number - 1:04}"' if number > 1 else "None"
            lines = textwrap.indent(textwrap.dedent(body), "    ")
            (package / f"{name}_{number:04}_step.py").write_text(
                f'import sqlalchemy as sa\nfrom alembic import op\n\nrevision = "{name}_{number:04}"\n'
                f"down_revision = {down}\n\n\ndef upgrade():\n    pass\n{lines}\n"
            )
        info = self.folder / f"dbtest_{name}-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: dbtest-{name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[dinrail.migrations]\n{name} = dbtest_{name}.migrations\n")

    def remove(self, name: str) -> None:
        """Uninstall a distribution."""
        info = self.folder / f"dbtest_{name}-1.0.dist-info"
        for file in info.iterdir():
            file.unlink()
        info.rmdir()
