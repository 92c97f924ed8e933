"""The group-commit writer: many units, one commit."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from dinrail_core.errors import Unavailable
from dinrail_database.faults import translate

__all__ = ["Writer"]

T = TypeVar("T")

_MOST = 256
"""Units in one commit; more would keep the first ones waiting."""


@dataclass(slots=True)
class _Unit:
    work: Callable[[Connection], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class Writer:
    """One thread that writes.

    While it waits for the disk, further units gather; they share the next commit. Where one fails behind something that
    it has written, all are done again, each inside a savepoint of its own, so that it undoes nothing of the others. No
    result is told before its commit. A unit whose caller has left before its turn is dropped; one that has begun is
    committed.

    Args:
        engine: Makes the one connection; its transactions are begun by hand.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: SimpleQueue[_Unit | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="dinrail-write", daemon=True)
        self._gate = threading.Lock()
        self._stopped = False

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is queued; blocks."""
        with self._gate:  # nothing may be queued behind the end
            self._stopped = True
            self._queue.put(None)
        self._thread.join()

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do a unit of work and wait until it is durable.

        Raises:
            Unavailable: The database is locked, full, or being closed.
        """
        loop = asyncio.get_running_loop()
        unit = _Unit(work, loop, loop.create_future())
        with self._gate:
            if self._stopped:
                raise Unavailable("The database is being closed.", retry_after=1)
            self._queue.put(unit)
        result: T = await unit.future
        return result

    def _run(self) -> None:
        connection: Connection | None = None
        last = False
        while not last:
            units, last = self._next()
            if not units:
                continue
            try:
                connection = connection or self._engine.connect()
                _commit(connection, units)
            except BaseException as error:  # whatever it is must reach those who wait, not end the thread
                for unit in units:
                    unit.error = unit.error or translate(error)
            # One that is not at rest goes. Any other stays: the last one to leave would have SQLite move its log into
            # the file and make it anew at the next use, which a full disk allows neither writers nor readers.
            if connection is not None and not _at_rest(connection):
                _discard(connection)
                connection = None
            _tell(units)
        if connection is not None:
            connection.close()

    def _next(self) -> tuple[list[_Unit], bool]:
        """What waits, at least one unit; and whether it is the end."""
        found = self._queue.get()
        units: list[_Unit] = []
        while found is not None:
            if not found.future.cancelled():
                units.append(found)
            if len(units) >= _MOST:
                return units, False
            try:
                found = self._queue.get_nowait()
            except Empty:
                return units, False
        return units, True


def _commit(connection: Connection, units: list[_Unit]) -> None:
    if len(units) > 1:
        if _commit_together(connection, units, savepoints=False):
            return
        for unit in units:
            unit.error = None  # what it met may be gone
        if _commit_together(connection, units, savepoints=True):
            return
    for unit in units:
        if unit.error is None:
            try:
                _commit_alone(connection, unit)
            except Exception as error:  # the driver's; the other units have still to be tried
                unit.error = translate(error)


def _commit_together(connection: Connection, units: list[_Unit], *, savepoints: bool) -> bool:
    """Do all in one transaction.

    Args:
        connection: At rest.
        units: Two or more.
        savepoints: Whether what one has written can be undone without the others. It costs as much as a row for each
            of them, and most that fail do so ahead of what they would write.

    Returns:
        False where the whole of it is undone because of one of them, which has its error: there is no savepoint, or
        SQLite undid all by itself, as it may when the disk is full. What has no error is to be done again.
    """
    driver = _driver(connection)  # a savepoint through SQLAlchemy costs more than a row
    with _transaction(connection):
        for unit in units:
            if savepoints:
                driver.execute("SAVEPOINT unit")
            changes = driver.total_changes
            _do(connection, unit)
            if unit.error is not None:
                if not driver.in_transaction or (not savepoints and driver.total_changes != changes):
                    return False
                if savepoints:
                    driver.execute("ROLLBACK TO unit")
            if savepoints:
                driver.execute("RELEASE unit")
        connection.exec_driver_sql("COMMIT")
    return True


def _commit_alone(connection: Connection, unit: _Unit) -> None:
    with _transaction(connection):
        _do(connection, unit)
        if unit.error is None:
            connection.exec_driver_sql("COMMIT")


@contextmanager
def _transaction(connection: Connection) -> Iterator[None]:
    """A transaction that is undone unless it is committed inside."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        if _in_transaction(connection):
            connection.exec_driver_sql("ROLLBACK")


def _do(connection: Connection, unit: _Unit) -> None:
    try:
        unit.result = unit.work(connection)
    except BaseException as error:  # a unit's failure is its caller's alone
        unit.error = translate(error)


def _in_transaction(connection: Connection) -> bool:
    return bool(getattr(connection.connection.dbapi_connection, "in_transaction", False))


def _driver(connection: Connection) -> sqlite3.Connection:
    found = connection.connection.dbapi_connection
    assert isinstance(found, sqlite3.Connection)
    return found


def _at_rest(connection: Connection) -> bool:
    return not connection.closed and not connection.invalidated and not _in_transaction(connection)


def _discard(connection: Connection) -> None:
    with suppress(Exception):  # it is in an unknown state, which is why it goes
        connection.invalidate()
        connection.close()


def _tell(units: list[_Unit]) -> None:
    """Hand the results back to the loops that wait, all of a loop's in one step."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Unit]] = {}
    for unit in units:
        by_loop.setdefault(unit.loop, []).append(unit)
    for loop, theirs in by_loop.items():
        with suppress(RuntimeError):  # the loop has been closed, and nobody waits any more
            loop.call_soon_threadsafe(_settle, theirs)


def _settle(units: list[_Unit]) -> None:
    for unit in units:
        if unit.future.done():
            continue  # whoever waited has left
        if unit.error is None:
            unit.future.set_result(unit.result)
        elif isinstance(unit.error, (StopIteration, KeyboardInterrupt, SystemExit)):
            # A future cannot carry the first, and the others would end the loop.
            unit.future.set_exception(RuntimeError(f"The work raised {type(unit.error).__name__}."))
        else:
            unit.future.set_exception(unit.error)
