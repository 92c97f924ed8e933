"""A batch's rows, as its job reads and writes them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, select

from dinrail_batches.results import Result
from dinrail_batches.rows import ENDED, new_row
from dinrail_batches.tables import BATCHES, COUNTS, LINES
from dinrail_core.api.call import Principal
from dinrail_core.errors import DinrailError
from dinrail_sdk.sql.contract import Database, Duplicate
from dinrail_sdk.sql.units import Owned

__all__ = ["Ledger", "sweep"]

_LOG = logging.getLogger("dinrail.batches")

_PAGE_BYTES = 4 * 1024 * 1024
_PAGE_ROWS = 500
_GATHERED_FOR = 0.002
"""Seconds in which results of other slots may come, to be written in one go: a write costs as much as several lines."""
_COUNTED_EVERY = 0.5
"""Seconds between two looks at how many lines are done: a line must not cost what counting costs."""


class Ledger:
    """What is written down about one batch. Everything in here can be done twice.

    Args:
        database: Where.
        principal: Whose batch it is.
        batch_id: The batch.
    """

    def __init__(self, database: Database, principal: Principal, batch_id: str) -> None:
        self._database = database
        self._principal = principal
        self._batch = BATCHES.c.id == batch_id
        self._prefix = batch_id
        self._pending: list[tuple[Result, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._counting: asyncio.Task[None] | None = None
        self._counts: dict[str, int] = {}

    async def begin(self, payload: Mapping[str, Any], job_id: str) -> RowMapping:
        """The batch's row; made where whoever began the batch has not come to it."""
        row = await self.row()
        if row is None:
            with suppress(Duplicate):  # it has come to it now
                await self._database.write(self._principal, lambda unit: unit.insert(BATCHES, new_row(payload, job_id)))
            row = await self.row()
        assert row is not None
        return row

    async def row(self) -> RowMapping | None:
        """The batch's row."""
        return await self._database.read(self._principal, lambda unit: unit.first(BATCHES, self._batch))

    async def move(self, before: Sequence[str], status: str, **values: Any) -> bool:
        """Go on to a status, unless the batch is in another than one of ``before``; returns whether it has.

        Args:
            before: Statuses.
            status: The next.
            values: Other columns.
        """
        changes = {"status": status, f"{status}_at": int(time.time()), **values}
        condition = BATCHES.c.status.in_(before)
        changed = await self._database.write(
            self._principal, lambda unit: unit.update(BATCHES, changes, self._batch, condition)
        )
        return changed == 1

    async def close(self) -> None:
        """Let no line come to anything any more, and count them a last time."""

        def work(unit: Owned) -> None:
            counts = {"completed": self._count(unit, failed=False), "failed": self._count(unit, failed=True)}
            unit.update(BATCHES, {"closed": True, **counts}, self._batch, BATCHES.c.closed.is_(False))

        await self._database.write(self._principal, work)

    # --- what lines have come to

    @asynccontextmanager
    async def taking(self) -> AsyncIterator[None]:
        """Take results while in the block; what was handed over is written before it is left, whatever ends it."""
        if not self._counts:
            self._counts = await self._database.read(
                self._principal, lambda unit: {name: self._count(unit, failed=name == "failed") for name in COUNTS}
            )
        try:
            yield
        finally:
            while self._writing is not None:
                await asyncio.shield(self._writing)
            if self._counting is not None:
                self._counting.cancel()
                await asyncio.wait({self._counting})
            await self._tell_counts()

    async def record(self, result: Result) -> None:
        """Write down what a line has come to. When this returns, it is durable.

        Results that come while others are written are written together.
        """
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((result, written))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(), name="dinrail-batches-write")
        await written

    async def recorded(self, first: int, last: int) -> frozenset[int]:
        """The lines from ``first`` to ``last`` that have come to something."""
        where = (LINES.c.id >= self._id(first), LINES.c.id <= self._id(last))

        def work(unit: Owned) -> frozenset[int]:
            if not unit.count(LINES, *where):
                return frozenset()
            return frozenset(_number(row["id"]) for row in unit.select(LINES, *where))

        return await self._database.read(self._principal, work)

    async def texts(self, *, failed: bool) -> AsyncIterator[bytes]:
        """The lines of a file, in the order of the batch's, some at a time."""
        which = (LINES.c.failed.is_(failed), LINES.c.id <= self._id(_LAST))
        largest = await self._database.read(
            self._principal, lambda unit: unit.max(LINES.c.size, *which, LINES.c.id >= self._id(0))
        )
        limit = max(1, min(_PAGE_ROWS, _PAGE_BYTES // max(1, largest or 1)))
        after = self._id(0)
        while True:
            rows = await self._database.read(self._principal, _page(which, after, limit))
            if not rows:
                return
            yield b"".join(row["text"] for row in rows)
            after = rows[-1]["id"]

    async def any(self, *, failed: bool) -> bool:
        """Whether there is a line for a file."""
        where = (LINES.c.failed.is_(failed), LINES.c.id >= self._id(0), LINES.c.id <= self._id(_LAST))
        return await self._database.read(self._principal, lambda unit: unit.first(LINES, *where)) is not None

    async def forget(self) -> None:
        """Remove what lines have come to, a part at a time, so that others can write in between."""
        where = (LINES.c.id >= self._id(0), LINES.c.id <= self._id(_LAST))
        last = await self._database.read(self._principal, lambda unit: unit.max(LINES.c.id, *where))
        for first in range(0, 0 if last is None else _number(last) + 1, _PAGE_ROWS):
            await self._database.write(self._principal, self._removal(first, first + _PAGE_ROWS - 1))

    async def _write(self) -> None:
        while self._pending:
            await asyncio.sleep(_GATHERED_FOR)
            taken, self._pending = self._pending, []
            try:
                await self._keep([result for result, _ in taken])
            except Exception as error:  # whoever handed a result over is told, whatever it is
                for _, written in taken:
                    if not written.done():
                        written.set_exception(error)
            else:
                for _, written in taken:
                    if not written.done():
                        written.set_result(None)
        self._writing = None

    async def _keep(self, results: Sequence[Result]) -> None:
        try:
            await self._insert(results)
        except Duplicate:
            # A process that was thought dead has done some of them as well; what came first counts.
            there = await self.recorded(min(r.line for r in results), max(r.line for r in results))
            results = [result for result in results if result.line not in there]
            if results:
                await self._insert(results)
        for result in results:
            self._counts["failed" if result.failed else "completed"] += 1
        if self._counting is None:
            self._counting = asyncio.create_task(self._count_soon(), name="dinrail-batches-count")

    async def _insert(self, results: Sequence[Result]) -> None:
        rows = [
            {"id": self._id(result.line), "failed": result.failed, "size": len(result.text), "text": result.text}
            for result in results
        ]
        await self._database.write(self._principal, lambda unit: unit.insert(LINES, *rows))

    async def _count_soon(self) -> None:
        await asyncio.sleep(_COUNTED_EVERY)
        self._counting = None
        try:
            await self._tell_counts()
        except DinrailError as error:
            _LOG.warning("how far a batch is could not be written down: %s", error)

    async def _tell_counts(self) -> None:
        counts, is_open = dict(self._counts), BATCHES.c.closed.is_(False)
        await self._database.write(self._principal, lambda unit: unit.update(BATCHES, counts, self._batch, is_open))

    def _count(self, unit: Owned, *, failed: bool) -> int:
        return unit.count(LINES, LINES.c.failed.is_(failed), LINES.c.id >= self._id(0), LINES.c.id <= self._id(_LAST))

    def _removal(self, first: int, last: int) -> Callable[[Owned], int]:
        return lambda unit: unit.delete(LINES, LINES.c.id >= self._id(first), LINES.c.id <= self._id(last))

    def _id(self, line: int) -> str:
        return f"{self._prefix}:{line:08d}"


_LAST = 99_999_999
"""A number beyond every line's."""

_SUFFIX = len(":00000000")


def _number(line_id: str) -> int:
    return int(line_id.rpartition(":")[2])


def _page(which: Sequence[ColumnElement[bool]], after: str, limit: int) -> Callable[[Owned], Sequence[RowMapping]]:
    return lambda unit: unit.select(LINES, *which, LINES.c.id > after, order_by=(LINES.c.id,), limit=limit)


def sweep(connection: Connection) -> None:
    """Remove what lines of ended batches came to in a process that was thought dead and was not."""
    own = BATCHES.c.id == func.substr(LINES.c.id, 1, func.length(LINES.c.id) - _SUFFIX)
    under_way = select(BATCHES.c.id).where(own, BATCHES.c.status.not_in(ENDED))
    connection.execute(delete(LINES).where(~under_way.exists()))
