"""A batch's rows, as its job reads and writes them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from sqlalchemy import ColumnElement, RowMapping

from dinrail_batches.results import Result
from dinrail_batches.rows import new_row
from dinrail_batches.tables import BATCHES, LINES, TOKENS
from dinrail_core.api.call import Principal
from dinrail_core.errors import DinrailError
from dinrail_sdk.sql.contract import Database, Duplicate
from dinrail_sdk.sql.units import Owned

__all__ = ["Closed", "Ledger"]

_PAGE_BYTES = 4 * 1024 * 1024
_PAGE_ROWS = 500


class Closed(DinrailError):
    """The batch takes no results any more: somebody else has ended it meanwhile."""

    code = "batch_closed"


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
        """Let no line come to anything any more."""
        await self._database.write(self._principal, lambda unit: unit.update(BATCHES, {"closed": True}, self._batch))

    # --- what lines have come to

    @asynccontextmanager
    async def taking(self) -> AsyncIterator[None]:
        """Take results while in the block; what was handed over is written before it is left, whatever ends it."""
        try:
            yield
        finally:
            while self._writing is not None:
                await asyncio.shield(self._writing)

    async def record(self, result: Result) -> None:
        """Write down what a line has come to. When this returns, it is durable.

        Results that come while others are written are written together.

        Raises:
            Closed: The batch takes none any more.
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
            await self._database.write(self._principal, lambda unit: self._insert(unit, results))
        except Duplicate:
            # A process that was thought dead has done some of them as well; what came first counts.
            there = await self.recorded(min(r.line for r in results), max(r.line for r in results))
            left = [result for result in results if result.line not in there]
            if left:
                await self._database.write(self._principal, lambda unit: self._insert(unit, left))

    def _insert(self, unit: Owned, results: Sequence[Result]) -> None:
        failed = sum(result.failed for result in results)
        changes: dict[str, Any] = {
            "failed": BATCHES.c.failed + failed,
            "completed": BATCHES.c.completed + (len(results) - failed),
        }
        for name in TOKENS:
            used = sum(result.tokens[name] for result in results)
            if used:
                changes[name] = BATCHES.c[name] + used
        if unit.update(BATCHES, changes, self._batch, BATCHES.c.closed.is_(False)) != 1:
            raise Closed("The batch takes no results any more.")
        rows = (
            {"id": self._id(result.line), "failed": result.failed, "size": len(result.text), "text": result.text}
            for result in results
        )
        unit.insert(LINES, *rows)

    def _removal(self, first: int, last: int) -> Callable[[Owned], int]:
        return lambda unit: unit.delete(LINES, LINES.c.id >= self._id(first), LINES.c.id <= self._id(last))

    def _id(self, line: int) -> str:
        return f"{self._prefix}:{line:08d}"


_LAST = 99_999_999
"""A number beyond every line's."""


def _number(line_id: str) -> int:
    return int(line_id.rpartition(":")[2])


def _page(which: Sequence[ColumnElement[bool]], after: str, limit: int) -> Callable[[Owned], Sequence[RowMapping]]:
    return lambda unit: unit.select(LINES, *which, LINES.c.id > after, order_by=(LINES.c.id,), limit=limit)
