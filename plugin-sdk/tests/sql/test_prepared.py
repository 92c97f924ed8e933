"""What goes past SQLAlchemy is the same as what it would have written and read."""

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
    bindparam,
    create_engine,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from dinrail_sdk.sql.prepared import Prepared

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
INSERT = Prepared(insert(KINDS), tuple(WHOLE))
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
    assert INSERT.run(connection, *rows) == len(rows)
    assert statements == []
    ours = stored(connection)
    connection.execute(KINDS.delete())
    connection.execute(insert(KINDS), rows)
    assert ours == stored(connection)


def test_a_default_of_a_column_is_left_to_sqlalchemy(connection: Connection, statements: list[str]) -> None:
    assert Prepared(insert(KINDS), ("id",)).run(connection, {"id": "c"}) == 1
    assert statements
    assert stored(connection)[0][-1] == "unsaid"


@pytest.mark.parametrize("row", [WHOLE, NOTHING])
def test_a_row_that_is_found_is_what_sqlalchemy_makes_of_it(
    connection: Connection, statements: list[str], row: dict[str, Any]
) -> None:
    connection.execute(insert(KINDS), row)
    by_id = select(KINDS).where(KINDS.c.id == bindparam("id_"))
    theirs = connection.execute(by_id, {"id_": row["id"]}).mappings().one()
    del statements[:]
    ours = Prepared(by_id).first(connection, {"id_": row["id"]})
    assert statements == []
    assert ours is not None
    assert {**ours} == {**theirs}
    assert [type(value) for value in ours.values()] == [type(value) for value in theirs.values()]
    assert Prepared(by_id).first(connection, {"id_": "nobody"}) is None


def test_a_change_writes_what_sqlalchemy_would(connection: Connection, statements: list[str]) -> None:
    names = [name for name in WHOLE if name != "id"]
    values = {name: bindparam(f"new_{name}", type_=KINDS.c[name].type) for name in names}
    change = update(KINDS).where(KINDS.c.id == bindparam("id_")).values(values)
    written = {"id_": "b", **{f"new_{name}": WHOLE[name] for name in names}}
    connection.execute(insert(KINDS), NOTHING)
    del statements[:]
    assert Prepared(change).run(connection, written) == 1
    assert Prepared(change).run(connection, written | {"id_": "nobody"}) == 0
    assert statements == []
    ours = stored(connection)
    connection.execute(change, {**written, **dict.fromkeys((f"new_{name}" for name in names), None)})
    connection.execute(change, written)
    assert ours == stored(connection)


def test_values_that_belong_to_a_statement_are_no_callers_to_change(connection: Connection) -> None:
    INSERT.run(connection, WHOLE, NOTHING)
    hidden = func.replace(KINDS.c.id, "b", "", type_=String) != ""
    statement = select(KINDS).where(hidden, KINDS.c.id == bindparam("id_"))
    belonging = {name: "z" for name in statement.compile().params if name != "id_"}
    assert len(belonging) == 3
    found = Prepared(statement).first(connection, {"id_": "a"} | belonging)
    assert found is not None
    assert Prepared(statement).first(connection, {"id_": "b"} | belonging) is None


def test_a_value_that_is_missing_is_a_mistake_and_not_null(connection: Connection) -> None:
    with pytest.raises(KeyError, match="id_"):
        Prepared(select(KINDS).where(KINDS.c.id == bindparam("id_"))).first(connection, {})


def test_a_key_that_is_taken_is_told_as_sqlalchemy_tells_it(connection: Connection) -> None:
    INSERT.run(connection, WHOLE)
    with pytest.raises(IntegrityError) as taken:
        INSERT.run(connection, NOTHING, WHOLE)
    assert isinstance(taken.value.orig, sqlite3.IntegrityError)
    assert "unsaid" not in str(taken.value)
