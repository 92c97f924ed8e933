"""Removing what nobody finds any more: chunks and vectors of files that are gone, stores whose time is over."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, select, update

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.vector_index import VectorIndex
from dinrail_core.errors import DinrailError, NotFound
from dinrail_core.hooks import Rail
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.sql.tables import OWNERSHIP
from dinrail_sdk.sql.units import Owned
from dinrail_vector_stores.rows import collection_of, move, next_collection_of
from dinrail_vector_stores.tables import BATCHES, CHUNKS, FILES, LOOSE, STORES

__all__ = ["Removal", "anything_over"]

_LOG = logging.getLogger("dinrail.vector_stores")

_AT_ONCE = 500
_NEXT = ("next_model", "next_error", "next_job", "next_by")
_LATER = 600.0
"""Seconds after which what may still have been written to is removed once more."""


class Removal:
    """Removes what is written down to be removed.

    Args:
        database: Where the rows are.
        rail: Where vector databases are.
    """

    def __init__(self, database: Database, rail: Rail) -> None:
        self._database = database
        self._rail = rail

    async def clear(self, principal: Principal, loose: Sequence[Mapping[str, Any]]) -> None:
        """Remove what a request has written down; where that fails, the sweep does it."""
        for row in loose:
            try:
                await self._clear_chunks(row)
                await self._clear_vectors(row)
            except DinrailError as error:
                _LOG.warning("what is left of a vector store's file is removed later: %s", error)
                continue
            if row["due_at"] <= time.time():
                await self._strike(row["id"])

    async def forget(self, file_id: str, call: Call) -> None:
        """Take a file out of every store that the caller may change."""

        def work(unit: Owned) -> list[dict[str, Any]]:
            loose: list[dict[str, Any]] = []
            for store_id in sorted({file["store_id"] for file in unit.select(FILES, FILES.c.file_id == file_id)}):
                store = unit.get(STORES, store_id, lock=True)
                if store is None:
                    continue
                files = unit.select(FILES, FILES.c.store_id == store_id, FILES.c.file_id == file_id)
                writing = any(file["status"] == "in_progress" for file in files)
                move(unit, files, None)
                loose += self.loosen_files(unit, store, files, writing=writing)
            return loose

        await self.clear(call.principal, await self._database.write(call.principal, work))

    async def sweep(self) -> None:
        """Look once: empty stores whose time is over, and remove whatever is due."""
        now = time.time()
        while await self._database.sweep(lambda connection: _expire(connection, now)):
            pass
        due = await self._database.sweep(lambda connection: _due(connection, now))
        for row in due:
            try:
                await self._clear_chunks(row)
                await self._clear_vectors(row)
            except DinrailError as error:
                _LOG.warning("what is left of a vector store is removed later: %s", error)
                await self._database.sweep(partial(_delay, key=row["id"], until=now + _LATER))
                continue
            await self._strike(row["id"])

    async def _strike(self, key: str) -> None:
        def work(connection: Connection) -> None:
            connection.execute(delete(LOOSE).where(LOOSE.c.id == key))

        await self._database.sweep(work)

    async def _clear_chunks(self, row: Mapping[Any, Any]) -> None:
        if row["file"] is None:
            condition: Any = CHUNKS.c.store_id == row["store_id"]
            alive = await self._database.sweep(lambda connection: _is_alive(connection, row["store_id"]))
            if alive:  # another collection of it is gone, not the store
                return
        else:
            condition = CHUNKS.c.file == row["file"]
        while await self._database.sweep(lambda connection: _drop_chunks(connection, condition)) == _AT_ONCE:
            pass

    async def _clear_vectors(self, row: Mapping[Any, Any]) -> None:
        index = self._rail.instances(VectorIndex).get(row["provider"])
        if index is None:
            return  # the operator has taken it away, and what it held with it
        if row["file"] is None:
            await index.drop(row["collection"])
            return
        with suppress(NotFound):  # the collection is gone with its store
            await index.delete_file(row["collection"], row["file"])

    @staticmethod
    def loosen_files(
        unit: Owned, store: RowMapping, files: Sequence[Mapping[Any, Any]], *, writing: bool = False
    ) -> list[dict[str, Any]]:
        """Write down that chunks and vectors of files are to be removed.

        Args:
            unit: In which the files' rows are struck out.
            store: Their store.
            files: Their rows.
            writing: Whether somebody may be at it and write more of them.
        """
        collections = [collection_of(store)]
        if store["next_model"] is not None:
            collections.append(next_collection_of(store))
        later = time.time() + (_LATER if writing else 0.0)
        made = [
            {**_loose(store, collection, later), "file": file["id"]} for file in files for collection in collections
        ]
        unit.insert(LOOSE, *made, under=store)
        return made

    @staticmethod
    def loosen_collection(
        unit: Owned, store: RowMapping, collection: str, *, delay: float = 0.0
    ) -> list[dict[str, Any]]:
        """Write down that a collection is to be removed, with what is left of its store where that is gone."""
        made = [_loose(store, collection, time.time() + delay)]
        unit.insert(LOOSE, *made, under=store)
        return made


def _loose(store: Mapping[Any, Any], collection: str, due_at: float) -> dict[str, Any]:
    return {
        "id": new_id("vsl_"),
        "provider": store["provider"],
        "collection": collection,
        "file": None,
        "store_id": store["id"],
        "due_at": due_at,
    }


def _is_alive(connection: Connection, store_id: str) -> bool:
    found = select(STORES.c.id).where(STORES.c.id == store_id, STORES.c.emptied.is_(False))
    return connection.execute(found).first() is not None


def _drop_chunks(connection: Connection, condition: Any) -> int:
    ids = connection.execute(select(CHUNKS.c.id).where(condition).limit(_AT_ONCE)).scalars().all()
    if ids:
        connection.execute(delete(CHUNKS).where(CHUNKS.c.id.in_(ids)))
    return len(ids)


def anything_over(connection: Connection) -> bool:
    """Whether there is anything to remove."""
    now = time.time()
    looks = (
        select(LOOSE.c.id).where(LOOSE.c.due_at <= now),
        select(STORES.c.id).where(STORES.c.expires_at <= now, STORES.c.emptied.is_(False)),
    )
    return any(connection.execute(look.limit(1)).first() is not None for look in looks)


def _due(connection: Connection, now: float) -> Sequence[RowMapping]:
    return connection.execute(select(LOOSE).where(LOOSE.c.due_at <= now).limit(_AT_ONCE)).mappings().all()


def _delay(connection: Connection, key: str, until: float) -> None:
    connection.execute(update(LOOSE).where(LOOSE.c.id == key).values(due_at=until))


def _expire(connection: Connection, now: float) -> int:
    """Empty one store whose time is over; it stays as an object that says so."""
    over = select(STORES).where(STORES.c.expires_at <= now, STORES.c.emptied.is_(False))
    row = connection.execute(over.limit(1).with_for_update(skip_locked=True)).mappings().first()
    if row is None:
        return 0
    empty = {"emptied": True, "usage_bytes": 0, "chunks": 0, "words": 0, **dict.fromkeys(_NEXT)}
    for table, mine, values in (
        (STORES, STORES.c.id == row["id"], empty),
        (BATCHES, BATCHES.c.store_id == row["id"], {}),
    ):
        failed = {"failed": table.c.failed + table.c.in_progress, "in_progress": 0}
        connection.execute(update(table).where(mine).values(**values, **failed))
    files = update(FILES).where(FILES.c.store_id == row["id"])
    error = {"code": "server_error", "message": "The vector store has expired."}
    connection.execute(files.where(FILES.c.status == "in_progress").values(status="failed", error=error))
    connection.execute(files.values(usage_bytes=0, chunks=0, words=0, bytes=0))
    collections = [collection_of(row)]
    if row["next_model"] is not None:
        collections.append(next_collection_of(row))
    owner = {name: row[name] for name in OWNERSHIP}
    made = [{**_loose(row, collection, now), **owner} for collection in collections]
    connection.execute(LOOSE.insert(), made)
    return 1
