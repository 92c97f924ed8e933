"""The group-commit writer by itself."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from dinrail_core.errors import Unavailable
from dinrail_database.sqlite import connect_sqlite
from dinrail_database.writer import Writer


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    found = connect_sqlite(tmp_path / "writer.db", 5)
    with found.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    return found


@pytest.fixture
def writer(engine: Engine) -> Iterator[Writer]:
    one = Writer(engine)
    one.start()
    yield one
    one.stop()


class Trace:
    """What SQLite was told to do with its transactions, in order."""

    def __init__(self, engine: Engine) -> None:
        from sqlalchemy import event

        self.said: list[str] = []

        def listen(connection: sqlite3.Connection, _record: Any) -> None:
            connection.set_trace_callback(self._hear)

        event.listen(engine, "connect", listen)

    def _hear(self, statement: str) -> None:
        self.said.append(statement.partition(" ")[0])

    def count(self, word: str) -> int:
        return self.said.count(word)


def insert(number: int) -> Callable[[Connection], int]:
    def work(connection: Connection) -> int:
        connection.exec_driver_sql("INSERT INTO t VALUES (?)", (number,))
        return number

    return work


def stored(engine: Engine) -> set[int]:
    with engine.connect() as connection:
        return set(connection.exec_driver_sql("SELECT n FROM t").scalars())


class Gate:
    """Work that holds the writer up until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._open = threading.Event()

    def __call__(self, connection: Connection) -> None:
        self.reached.set()
        assert self._open.wait(20)

    def open(self) -> None:
        self._open.set()


async def hold(writer: Writer) -> tuple[Gate, asyncio.Task[None]]:
    gate = Gate()
    task = asyncio.create_task(writer.run(gate))
    assert await asyncio.to_thread(gate.reached.wait, 20)
    return gate, task


async def test_units_that_wait_share_one_commit(engine: Engine) -> None:
    trace = Trace(engine)
    writer = Writer(engine)
    writer.start()
    gate, held = await hold(writer)
    tasks = [asyncio.create_task(writer.run(insert(number))) for number in range(100)]
    await asyncio.sleep(0)
    gate.open()
    assert await asyncio.gather(*tasks) == list(range(100))
    await held
    await asyncio.to_thread(writer.stop)
    assert trace.count("COMMIT") == 2
    assert trace.count("SAVEPOINT") == 0


@pytest.mark.parametrize(("late", "savepoints"), [(False, 0), (True, 11)])
async def test_a_unit_that_fails_behind_what_it_has_written_takes_nothing_along(
    engine: Engine, late: bool, savepoints: int
) -> None:
    def fails(connection: Connection) -> int:
        if late:
            insert(99)(connection)
        raise LookupError

    trace = Trace(engine)
    writer = Writer(engine)
    writer.start()
    gate, held = await hold(writer)
    works = [*(insert(number) for number in range(5)), fails, *(insert(number) for number in range(5, 10))]
    tasks = [asyncio.create_task(writer.run(work)) for work in works]
    await asyncio.sleep(0)
    gate.open()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    await held
    await asyncio.to_thread(writer.stop)
    assert isinstance(outcomes.pop(5), LookupError)
    assert outcomes == list(range(10))
    assert stored(engine) == set(range(10))
    assert (trace.count("COMMIT"), trace.count("SAVEPOINT")) == (2, savepoints)


async def test_no_result_is_told_before_it_is_durable(engine: Engine, writer: Writer) -> None:
    gate, held = await hold(writer)
    first = asyncio.create_task(writer.run(insert(1)))
    second_gate = Gate()
    second = asyncio.create_task(writer.run(second_gate))
    await asyncio.sleep(0)
    gate.open()
    # The first has been done, but the second, which shares its commit, has not ended.
    assert await asyncio.to_thread(second_gate.reached.wait, 20)
    await asyncio.sleep(0.05)
    assert not first.done()
    assert stored(engine) == set()
    second_gate.open()
    assert await first == 1
    assert stored(engine) == {1}
    await asyncio.gather(held, second)


async def test_a_commit_that_fails_is_told_to_all_who_share_it_and_leaves_nothing(
    engine: Engine, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, held = await hold(writer)
    execute = Connection.exec_driver_sql

    def failing(self: Connection, statement: str, *arguments: Any) -> Any:
        if statement == "COMMIT":
            raise OSError("the disk is gone")
        return execute(self, statement, *arguments)

    tasks = [asyncio.create_task(writer.run(insert(number))) for number in range(5)]
    await asyncio.sleep(0)
    monkeypatch.setattr(Connection, "exec_driver_sql", failing)
    gate.open()
    outcomes = await asyncio.gather(held, *tasks, return_exceptions=True)
    assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
    monkeypatch.undo()
    assert stored(engine) == set()
    assert await writer.run(insert(9)) == 9
    assert stored(engine) == {9}


async def test_a_unit_whose_caller_left_before_its_turn_is_not_done(engine: Engine, writer: Writer) -> None:
    gate, held = await hold(writer)
    leaves, stays = (asyncio.create_task(writer.run(insert(number))) for number in (1, 2))
    await asyncio.sleep(0)
    leaves.cancel()
    await asyncio.gather(leaves, return_exceptions=True)
    gate.open()
    await asyncio.gather(held, stays)
    assert stored(engine) == {2}


async def test_a_unit_whose_caller_leaves_while_it_runs_is_committed_and_disturbs_nobody(
    engine: Engine, writer: Writer
) -> None:
    gate, held = await hold(writer)
    held.cancel()
    await asyncio.gather(held, return_exceptions=True)
    other = asyncio.create_task(writer.run(insert(2)))
    await asyncio.sleep(0)
    gate.open()
    assert await other == 2


def test_a_loop_that_was_closed_meanwhile_disturbs_nobody(engine: Engine, writer: Writer) -> None:
    gate = Gate()

    async def leave() -> None:
        writer_task = asyncio.create_task(writer.run(gate))
        assert await asyncio.to_thread(gate.reached.wait, 20)
        del writer_task

    asyncio.run(leave())
    gate.open()

    async def other() -> int:
        return await writer.run(insert(1))

    assert asyncio.run(other()) == 1


async def test_stopping_does_what_is_queued_and_refuses_what_comes_later(engine: Engine) -> None:
    writer = Writer(engine)
    writer.start()
    gate, held = await hold(writer)
    tasks = [asyncio.create_task(writer.run(insert(number))) for number in range(5)]
    await asyncio.sleep(0)
    stopping = asyncio.create_task(asyncio.to_thread(writer.stop))
    gate.open()
    await asyncio.gather(held, stopping, *tasks)
    assert stored(engine) == set(range(5))
    with pytest.raises(Unavailable):
        await writer.run(insert(9))


Unit = tuple[int, str]


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["do", "raise", "twice"])), max_size=20))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_a_batch_leaves_what_its_units_would_leave_one_by_one(engine: Engine, units: list[Unit]) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("DELETE FROM t")
    wanted: set[int] = set()
    expected: list[bool] = []
    for number, how in units:
        good = how == "do" and number not in wanted
        expected.append(good)
        if good:
            wanted.add(number)

    def work(number: int, how: str) -> Callable[[Connection], int]:
        def do(connection: Connection) -> int:
            insert(number)(connection)
            if how == "raise":
                raise LookupError
            return number if how == "do" else insert(number)(connection)

        return do

    async def run() -> list[Any]:
        writer = Writer(engine)
        writer.start()
        gate, held = await hold(writer)
        tasks = [asyncio.create_task(writer.run(work(*unit))) for unit in units]
        await asyncio.sleep(0)
        gate.open()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        await held
        await asyncio.to_thread(writer.stop)
        return outcomes

    outcomes = asyncio.run(run())
    assert [isinstance(outcome, int) for outcome in outcomes] == expected
    assert stored(engine) == wanted
