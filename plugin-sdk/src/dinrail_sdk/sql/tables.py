"""Tables whose every row has an owner."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Index, MetaData, String, Table

__all__ = ["OWNER", "TENANT", "is_owned", "owned_table"]

TENANT = "tenant"
OWNER = "owner"
"""The user within the tenant; empty where the principal names none."""

_OWNED = "dinrail_owned"


def owned_table(name: str, metadata: MetaData, *columns: Any, id_length: int = 80) -> Table:
    """A table with an ``id`` as its key, the columns of ownership, and an index that lists of one owner's rows use.

    Args:
        name: The table's name.
        metadata: The service's own.
        columns: What else it has, and further constraints and indexes.
        id_length: Characters of an id.
    """
    return Table(
        name,
        metadata,
        Column("id", String(id_length), primary_key=True),
        Column(TENANT, String(200), nullable=False),
        Column(OWNER, String(200), nullable=False),
        *columns,
        Index(f"ix_{name}_owner", TENANT, OWNER, "id"),
        info={_OWNED: True},
    )


def is_owned(table: Table) -> bool:
    """Whether the table was made by :func:`owned_table`."""
    return bool(table.info.get(_OWNED))
