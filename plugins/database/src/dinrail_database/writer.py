"""The group-commit writer: many units, one commit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
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

    While it waits for the disk, further units gather; they share the next commit, each inside a savepoint of its own,
    so that one that fails undoes nothing of the others. No result is told before its commit.

    Args:
        engine: Makes the one connection; its transactions are begun by hand.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: SimpleQueue[_Unit | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="dinrail-write", daemon=True)
        self._stopped = False

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is queued; blocks."""
        self._stopped = True
        self._queue.put(None)
        self._thread.join()

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do a unit of work and wait until it is durable.

        Raises:
            Unavailable: The database is locked, full, or being closed.
        """
        if self._stopped:
            raise Unavailable("The database is being closed.")
        loop = asyncio.get_running_loop()
        unit = _Unit(work, loop, loop.create_future())
        self._queue.put(unit)
        result: T = await unit.future
        return result

    def _run(self) -> None:
        connection: Connection | None = None
        last = False
        while not last:
            first = self._queue.get()
            if first is None:
                break
            units = [first]
            while len(units) < _MOST:
                try:
                    following = self._queue.get_nowait()
                except Empty:
                    break
                if following is None:
                    last = True
                    break
                units.append(following)
            try:
                connection = connection or self._engine.connect()
                _commit(connection, units)
            except Exception as error:  # whatever the driver raises must reach those who wait, not end the thread
                for unit in units:
                    unit.error = unit.error or translate(error)
                _discard(connection)
                connection = None
            _tell(units)
        if connection is not None:
            connection.close()


def _commit(connection: Connection, units: list[_Unit]) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        for unit in units:
            if len(units) > 1:
                connection.exec_driver_sql("SAVEPOINT unit")
            try:
                unit.result = unit.work(connection)
            except Exception as error:  # a unit's failure is its caller's
                unit.error = translate(error)
                connection.exec_driver_sql("ROLLBACK TO unit" if len(units) > 1 else "ROLLBACK")
                if len(units) == 1:
                    return
            if len(units) > 1:
                connection.exec_driver_sql("RELEASE unit")
        connection.exec_driver_sql("COMMIT")
    except Exception:
        if _in_transaction(connection):
            connection.exec_driver_sql("ROLLBACK")
        raise


def _in_transaction(connection: Connection) -> bool:
    return bool(getattr(connection.connection.dbapi_connection, "in_transaction", False))


def _discard(connection: Connection | None) -> None:
    if connection is not None:
        connection.invalidate()
        connection.close()


def _tell(units: list[_Unit]) -> None:
    """Hand the results back to the loops that wait, all of a loop's in one step."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Unit]] = {}
    for unit in units:
        by_loop.setdefault(unit.loop, []).append(unit)
    for loop, theirs in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, theirs)


def _settle(units: list[_Unit]) -> None:
    for unit in units:
        if unit.future.done():
            continue  # whoever waited has left
        if unit.error is not None:
            unit.future.set_exception(unit.error)
        else:
            unit.future.set_result(unit.result)
