"""Tables whose every row has an owner."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Index, MetaData, String, Table, Text

__all__ = ["AUDIENCE", "BYTES", "OWNER", "OWNERSHIP", "TENANT", "is_owned", "object_of", "owned_table"]

TENANT = "tenant"
OWNER = "owner"
"""The user within the tenant; empty where the principal names none."""

AUDIENCE = "audience"
"""The maker's roles by which configured rules share the row with others who have them: ``,a,b,``, or nothing."""

OWNERSHIP = frozenset({TENANT, OWNER, AUDIENCE})
"""The columns that say whose a row is, and never change."""

BYTES = "bytes"
"""How much of its owner's room a row of a counted table takes."""

_OBJECT = "dinrail_object"


def owned_table(
    name: str,
    metadata: MetaData,
    *columns: Any,
    id_length: int = 80,
    part_of: str | None = None,
    counted: bool = False,
    listed: bool = True,
) -> Table:
    """A table with an ``id`` as its key, the columns of ownership, and an index that lists of one owner's rows use.

    Args:
        name: The table's name.
        metadata: The service's own.
        columns: What else it has, and further constraints and indexes.
        id_length: Characters of an id.
        part_of: The table of the objects that its rows are parts of; who shares an object shares its parts.
        counted: Whether its rows count as what their owner has stored; one of the columns is then :data:`BYTES`, a
            whole number that the service writes.
        listed: Whether all rows of an owner are ever listed; parts that are found by what they are parts of need no
            index for it, and a row costs a tenth less to write.
    """
    indexes = [Index(f"ix_{name}_owner", TENANT, OWNER, "id")] if listed else []
    if counted:
        # By its name the database knows that the table is counted (dinrail_sdk.sql.counting).
        indexes.append(Index(f"ix_{name}_stored", TENANT, OWNER, BYTES))
    return Table(
        name,
        metadata,
        Column("id", String(id_length), primary_key=True),
        Column(TENANT, String(200), nullable=False),
        Column(OWNER, String(200), nullable=False),
        Column(AUDIENCE, Text, nullable=False, server_default=""),
        *columns,
        *indexes,
        info={_OBJECT: part_of or name},
    )


def is_owned(table: Table) -> bool:
    """Whether the table was made by :func:`owned_table`."""
    return _OBJECT in table.info


def object_of(table: Table) -> str:
    """The kind of objects that an owned table's rows are, or are parts of, as rules of sharing call it."""
    kind: str = table.info[_OBJECT]
    return kind
