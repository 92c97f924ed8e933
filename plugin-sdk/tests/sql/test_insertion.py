"""Rows that go past SQLAlchemy are the same as those that it would have written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    insert,
)
from sqlalchemy.exc import IntegrityError

from dinrail_sdk.sql.insertion import insert_rows

KINDS = Table(
    "kinds",
    MetaData(),
    Column("id", String(80), primary_key=True),
    Column("flag", Boolean),
    Column("raw", LargeBinary),
    Column("tree", JSON(none_as_null=True)),
    Column("branch", JSON),
    Column("share", Float),
    Column("size", Integer),
    Column("word", String(80), default="unsaid"),
)
WHOLE: dict[str, Any] = {
    "id": "a",
    "flag": True,
    "raw": b"\0\xff",
    "tree": {"ä": [1, None]},
    "branch": [],
    "share": 0.1,
    "size": 2**40,
    "word": "ä",
}
NOTHING: dict[str, Any] = dict.fromkeys(WHOLE) | {"id": "b", "flag": False}


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        KINDS.create(connection)
        yield connection
    engine.dispose()


@pytest.fixture
def statements(connection: Connection) -> list[str]:
    """What SQLAlchemy runs."""
    seen: list[str] = []
    event.listen(connection, "before_cursor_execute", lambda *arguments: seen.append(arguments[2]))
    return seen


def stored(connection: Connection) -> list[tuple[Any, ...]]:
    """As it stands in the file, without what types make of it."""
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver.execute("SELECT * FROM kinds ORDER BY id").fetchall()


@pytest.mark.parametrize("rows", [[WHOLE], [NOTHING], [WHOLE, NOTHING]])
def test_rows_are_what_sqlalchemy_makes_of_them(
    connection: Connection, statements: list[str], rows: list[dict[str, Any]]
) -> None:
    insert_rows(connection, KINDS, rows)
    assert statements == []
    ours = stored(connection)
    connection.execute(KINDS.delete())
    connection.execute(insert(KINDS), rows)
    assert ours == stored(connection)


def test_a_default_of_a_column_is_left_to_sqlalchemy(connection: Connection, statements: list[str]) -> None:
    insert_rows(connection, KINDS, [{"id": "c"}])
    assert statements
    assert stored(connection)[0][-1] == "unsaid"


def test_a_key_that_is_taken_is_told_as_sqlalchemy_tells_it(connection: Connection) -> None:
    insert_rows(connection, KINDS, [WHOLE])
    with pytest.raises(IntegrityError) as taken:
        insert_rows(connection, KINDS, [NOTHING, WHOLE])
    assert isinstance(taken.value.orig, sqlite3.IntegrityError)
    assert "unsaid" not in str(taken.value)
