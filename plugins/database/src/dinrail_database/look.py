"""A look at an SQLite file: which revisions it has, without an ORM and without changing a byte."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from dinrail_database.revisions import TABLE

__all__ = ["look"]

_PATIENCE = 5.0


def look(file: Path) -> Mapping[str, str]:
    """The revision in each table of versions, by the table's name; none where there is no file.

    Raises:
        sqlite3.Error: It cannot be read, or is no database.
    """
    if not file.exists():
        return {}
    address = f"file:{quote(str(file.absolute()))}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=_PATIENCE, isolation_level=None)) as connection:
        connection.execute("BEGIN")  # one snapshot, though another process may be upgrading
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB ?", (f"{TABLE}*",)
        )
        found = {}
        for (name,) in names.fetchall():
            quoted = '"' + name.replace('"', '""') + '"'
            row = connection.execute(f"SELECT version_num FROM {quoted}").fetchone()  # noqa: S608  # a table's own name
            if row is not None:
                found[name] = row[0]
        return found
