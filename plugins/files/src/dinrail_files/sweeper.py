"""Removing what is over: files whose time has come, uploads that nobody completed, bytes that belong to nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, Table, delete, insert, or_, select, update

from dinrail_core.api.blobs import BlobStore
from dinrail_files.tables import FILES, LOOSE, PARTS, UPLOADS
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.tables import OWNER, TENANT

__all__ = ["Sweeper", "anything_over"]

_BATCH = 200
_STALLED = 3600.0
"""Seconds after which a blob whose writer seemed dead is removed once more: it may have been asleep, and gone on."""
_REMEMBERED = 86_400
"""Seconds for which an upload that has expired is still known to have been one."""

_PENDING = select(UPLOADS.c.id).where(UPLOADS.c.status == "pending")


class Sweeper:
    """Removes what is over, now.

    Args:
        database: Where the rows are.
        blobs: Where the bytes are.
    """

    def __init__(self, database: Database, blobs: BlobStore) -> None:
        self._database = database
        self._blobs = blobs

    async def sweep(self) -> None:
        """Remove all that is over. Several may do it at once."""
        now = time.time()
        for work in (_expire_files, _expire_uploads, _drop_parts):
            while await self._database.sweep(partial(work, now=now)) == _BATCH:
                pass
        while await self._remove_loose(now) == _BATCH:
            pass

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


def anything_over(connection: Connection) -> bool:
    """Whether there is anything to remove."""
    now = time.time()
    forgotten = or_(UPLOADS.c.status == "pending", UPLOADS.c.expires_at <= now - _REMEMBERED)
    looks = (
        select(LOOSE.c.id).where(LOOSE.c.due_at <= now),
        select(FILES.c.id).where(FILES.c.expires_at <= now),
        select(UPLOADS.c.id).where(UPLOADS.c.expires_at <= now, forgotten),
        select(PARTS.c.id).where(PARTS.c.upload_id.not_in(_PENDING)),
    )
    return any(connection.execute(look.limit(1)).first() is not None for look in looks)


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
    rows = _locked(connection, select(PARTS).where(PARTS.c.upload_id.not_in(_PENDING)))
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
