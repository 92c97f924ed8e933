"""What somebody has stored, summed up over tables of whichever services there are."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import TextClause, text

from dinrail_sdk.sql.tables import BYTES, OWNER, TENANT

__all__ = ["counted_tables", "total"]

_QUERIES = {
    "sqlite": text("SELECT tbl_name FROM sqlite_master WHERE type = 'index' AND name = 'ix_' || tbl_name || '_stored'"),
    "postgresql": text(
        "SELECT tablename FROM pg_indexes "
        "WHERE schemaname = current_schema() AND indexname = 'ix_' || tablename || '_stored'"
    ),
}


def counted_tables(dialect: str) -> TextClause:
    """The question which tables are counted, those of services that are not open or not installed any more included.

    Args:
        dialect: The database's, as SQLAlchemy calls it.
    """
    return _QUERIES[dialect]


@lru_cache
def total(names: tuple[str, ...]) -> TextClause:
    """The question how many bytes the rows of these tables take that are of one owner (``:tenant``, ``:owner``).

    Plain text: an expression over a handful of tables takes longer to be put together than the answer does.

    Args:
        names: What :func:`counted_tables` told.
    """
    parts = (
        f'SELECT sum({BYTES}) AS {BYTES} FROM "{name}" WHERE {TENANT} = :tenant AND {OWNER} = :owner'  # noqa: S608 (names out of the database itself)
        for name in names
    )
    return text(f"SELECT coalesce(sum({BYTES}), 0) FROM ({' UNION ALL '.join(parts)}) AS counted")  # noqa: S608 (as above)
