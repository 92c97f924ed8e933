"""Removing what is over: files whose time has come, uploads that nobody completed, bytes that belong to nothing."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, Table, delete, insert, select, update

from dinrail_core.api.blobs import BlobStore
from dinrail_core.errors import DinrailError
from dinrail_files.tables import FILES, LOOSE, PARTS, UPLOADS
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.tables import OWNER, TENANT

__all__ = ["Sweeper"]

_LOG = logging.getLogger("dinrail.files")

_BATCH = 200
_STALLED = 3600.0
"""Seconds after which a blob whose writer seemed dead is removed once more: it may have been asleep, and gone on."""
_REMEMBERED = 86_400
"""Seconds for which an upload that has expired is still known to have been one."""


class Sweeper:
    """Removes what is over. Any number of processes may do it at once.

    Args:
        database: Where the rows are.
        blobs: Where the bytes are.
        interval: Seconds between two looks.
    """

    def __init__(self, database: Database, blobs: BlobStore, interval: float) -> None:
        self._database = database
        self._blobs = blobs
        self._interval = interval

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Sweep again and again until the block is left, beginning at once."""
        task = asyncio.create_task(self._work(), name="dinrail-files-sweeper")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def sweep(self) -> None:
        """Look once, and remove all that is over now."""
        now = time.time()
        for work in (_expire_files, _expire_uploads, _drop_parts):
            while await self._database.sweep(partial(work, now=now)) == _BATCH:
                pass
        while await self._remove_loose(now) == _BATCH:
            pass

    async def _work(self) -> None:
        while True:
            try:
                await self.sweep()
            except DinrailError as error:
                _LOG.warning("what is over could not be removed, and will be later: %s", error)
            except Exception:  # a background task that ends would leave everything where it is, unseen
                _LOG.exception("what is over could not be removed")
            await asyncio.sleep(self._interval)

    async def _remove_loose(self, now: float) -> int:
        """Bytes first, then the rows that know of them."""
        found = await self._database.sweep(lambda connection: _due(connection, now))
        for row in found:
            await self._blobs.delete(row["id"])
        stalled = [row["id"] for row in found if row["writing"]]
        over = [row["id"] for row in found if not row["writing"]]

        def work(connection: Connection) -> None:
            if stalled:
                later = {"writing": False, "due_at": now + _STALLED}
                connection.execute(update(LOOSE).where(LOOSE.c.id.in_(stalled)).values(later))
            if over:
                connection.execute(delete(LOOSE).where(LOOSE.c.id.in_(over)))

        if found:
            await self._database.sweep(work)
        return len(found)


def _due(connection: Connection, now: float) -> Sequence[RowMapping]:
    """What is to be removed. Those whose lease has ended are fenced off first: their writers cannot claim them now."""
    rows = connection.execute(select(LOOSE).where(LOOSE.c.due_at <= now).limit(_BATCH)).mappings().all()
    stalled = [row["id"] for row in rows if row["writing"]]
    if stalled:
        fenced = update(LOOSE).where(LOOSE.c.id.in_(stalled), LOOSE.c.due_at <= now, LOOSE.c.writing.is_(True))
        connection.execute(fenced.values(writing=False))
    return rows


def _expire_files(connection: Connection, now: float) -> int:
    rows = _locked(connection, select(FILES).where(FILES.c.expires_at <= now))
    _loosen(connection, rows, now)
    _delete(connection, FILES, rows)
    return len(rows)


def _expire_uploads(connection: Connection, now: float) -> int:
    pending = (UPLOADS.c.status == "pending", UPLOADS.c.expires_at <= now)
    connection.execute(update(UPLOADS).where(*pending).values(status="expired"))
    connection.execute(delete(UPLOADS).where(UPLOADS.c.expires_at <= now - _REMEMBERED, UPLOADS.c.status != "pending"))
    return 0


def _drop_parts(connection: Connection, now: float) -> int:
    pending = select(UPLOADS.c.id).where(UPLOADS.c.status == "pending")
    rows = _locked(connection, select(PARTS).where(PARTS.c.upload_id.not_in(pending)))
    _loosen(connection, rows, now)
    _delete(connection, PARTS, rows)
    return len(rows)


def _locked(connection: Connection, statement: Select[Any]) -> Sequence[RowMapping]:
    """Rows that no other process is at."""
    return connection.execute(statement.limit(_BATCH).with_for_update(skip_locked=True)).mappings().all()


def _loosen(connection: Connection, rows: Sequence[RowMapping], now: float) -> None:
    loose = [
        {"id": row["blob"], TENANT: row[TENANT], OWNER: row[OWNER], "writing": False, "due_at": now} for row in rows
    ]
    if loose:
        connection.execute(insert(LOOSE), loose)


def _delete(connection: Connection, table: Table, rows: Sequence[RowMapping]) -> None:
    if rows:
        connection.execute(delete(table).where(table.c.id.in_([row["id"] for row in rows])))
