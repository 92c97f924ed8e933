"""What somebody has stored, summed up over tables of whichever services there are."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Select, TextClause, column, func, select, table, text, union_all

from dinrail_core.api.call import Principal
from dinrail_sdk.sql.tables import BYTES, OWNER, TENANT

__all__ = ["counted_tables", "total"]

_QUERIES = {
    "sqlite": "SELECT tbl_name FROM sqlite_master WHERE type = 'index' AND name = 'ix_' || tbl_name || '_stored'",
    "postgresql": "SELECT tablename FROM pg_indexes "
    "WHERE schemaname = current_schema() AND indexname = 'ix_' || tablename || '_stored'",
}


def counted_tables(dialect: str) -> TextClause:
    """The question which tables are counted, those of services that are not open or not installed any more included.

    Args:
        dialect: The database's, as SQLAlchemy calls it.
    """
    return text(_QUERIES[dialect])


def total(names: Iterable[str], principal: Principal) -> Select[tuple[int]]:
    """The question how many bytes the rows of these tables take that are the principal's own."""
    parts = []
    for name in names:
        counted = table(name, column(TENANT), column(OWNER), column(BYTES))
        mine = (counted.c[TENANT] == principal.tenant, counted.c[OWNER] == (principal.user or ""))
        parts.append(select(func.sum(counted.c[BYTES]).label(BYTES)).where(*mine))
    found = union_all(*parts).subquery()
    return select(func.coalesce(func.sum(found.c[BYTES]), 0))
