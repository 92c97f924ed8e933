"""Files on their way into a store."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, select

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.chunking import AutoChunking
from dinrail_core.api.files import Files
from dinrail_core.api.jobs import Jobs
from dinrail_core.api.vector_index import check_attributes
from dinrail_core.api.vector_stores import AddFile
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import NotFound
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.sql.quota import check_room
from dinrail_sdk.sql.tables import TENANT
from dinrail_sdk.sql.units import Owned
from dinrail_vector_stores.removal import Removal
from dinrail_vector_stores.rows import file_bytes, move, usable_store
from dinrail_vector_stores.tables import BATCHES, FILES, STATES, STORES

__all__ = ["Adding", "KnownFile", "anything_waits"]

_AT_ONCE = 500
_LOST = 60
"""Seconds after which files have a job, unless nobody has made one."""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that is the caller's, and how it is to be taken in."""

    file_id: str
    filename: str
    strategy: Mapping[str, Any]
    attributes: Mapping[str, Any]


class Adding:
    """Puts files into stores as rows that are in progress, and has a job take them in.

    Args:
        database: Where the rows are.
        files: Where the files are.
        jobs: What does the work.
    """

    def __init__(self, database: Database, files: Files, jobs: Jobs) -> None:
        self._database = database
        self._files = files
        self._jobs = jobs

    async def known(self, given: Sequence[AddFile], call: Call, param: str = "file_ids") -> list[KnownFile]:
        """The files of a request, each once, and each the caller's.

        Args:
            given: What the request says.
            call: The caller's.
            param: The field that names them: ``file_id``, ``file_ids`` or ``files``.

        Raises:
            InvalidRequest: Attributes cannot be compared.
            NotFound: One of them does not exist.
        """
        found: dict[str, KnownFile] = {}
        for number, one in enumerate(given):
            where = f"{param}.{number}" if param == "files" else ""
            attributes = one.attributes if isinstance(one.attributes, dict) else {}
            check_attributes(attributes, f"{where}.attributes" if where else "attributes")
            try:
                file = (await self._files.get(one.file_id, call)).value
            except NotFound as error:
                error.param = f"{where}.file_id" if where else param
                raise
            strategy = AutoChunking() if one.chunking_strategy is MISSING else one.chunking_strategy
            found[one.file_id] = KnownFile(one.file_id, file.filename, strategy.model_dump(mode="json"), attributes)
        return list(found.values())

    async def add(
        self, store_id: str, files: Sequence[KnownFile], batch_id: str | None, call: Call
    ) -> tuple[RowMapping, Sequence[Mapping[str, Any]]]:
        """Put files into a store, those that it has already anew, and begin to take them in.

        Returns:
            The row of the first, and what of earlier ones is to be removed.
        """
        group = new_id("vsg_")

        def work(unit: Owned) -> tuple[RowMapping, Sequence[Mapping[str, Any]]]:
            store = usable_store(unit, store_id, lock=True)
            loose: list[Mapping[str, Any]] = []
            ids = [file.file_id for file in files]
            for begin in range(0, len(ids), _AT_ONCE):
                these = FILES.c.file_id.in_(ids[begin : begin + _AT_ONCE])
                earlier = unit.select(FILES, FILES.c.store_id == store_id, these)
                move(unit, earlier, None)
                for writing in (False, True):
                    part = [file for file in earlier if (file["status"] == "in_progress") == writing]
                    loose += Removal.loosen_files(unit, store, part, writing=writing)
            if batch_id is not None:
                counts = dict.fromkeys(STATES, 0)
                row = {"id": batch_id, "store_id": store_id, "created_at": int(time.time()), **counts}
                unit.insert(BATCHES, row, under=store)
            first = self.insert(unit, store, files, group, call, batch_id)
            found = unit.get(FILES, first)
            assert found is not None
            return found, loose

        found, loose = await self._database.write(call.principal, work)
        job_id = await self.enqueue(group, call)
        if batch_id is not None:
            values = {"job_id": job_id}
            await self._database.write(
                call.principal, lambda unit: unit.update(BATCHES, values, BATCHES.c.id == batch_id)
            )
        return found, loose

    @staticmethod
    def insert(
        unit: Owned,
        store: RowMapping,
        files: Sequence[KnownFile],
        group: str,
        call: Call,
        batch_id: str | None = None,
    ) -> str:
        """Insert rows of files that are in progress; the id of the first.

        Raises:
            RateLimited: There is no room for them.
        """
        now = int(time.time())
        rows = [
            {
                "id": new_id("vsf_"),
                "store_id": store["id"],
                "file_id": file.file_id,
                "filename": file.filename,
                "created_at": now,
                "status": "in_progress",
                "error": None,
                "strategy": file.strategy,
                "attributes": file.attributes,
                "batch_id": batch_id,
                "group_id": group,
                "added_by": call.principal.user or "",
                "generation": store["generation"],
                "usage_bytes": 0,
                "chunks": 0,
                "words": 0,
                "bytes": file_bytes(file.attributes),
            }
            for file in files
        ]
        check_room(unit, call, sum(row["bytes"] for row in rows))
        unit.insert(FILES, *rows, under=store)
        number = len(rows)
        active: dict[str, Any] = {"in_progress": STORES.c.in_progress + number, "last_active_at": now}
        if store["expires_days"] is not None:
            active["expires_at"] = now + store["expires_days"] * 86_400
        unit.update(STORES, active, STORES.c.id == store["id"])
        if batch_id is not None:
            unit.update(BATCHES, {"in_progress": BATCHES.c.in_progress + number}, BATCHES.c.id == batch_id)
        return str(rows[0]["id"]) if rows else ""

    async def enqueue(self, group: str, call: Call) -> str:
        """Have the files of a group taken in; the job's id."""
        return await self._jobs.enqueue("vector-store-files", {"group": group}, call, key=group)

    async def take_up(self) -> None:
        """Enqueue the jobs of files that a process has left without one: it died before it could."""
        columns = (FILES.c.group_id, FILES.c[TENANT], FILES.c.added_by)

        def work(connection: Connection) -> Sequence[Any]:
            return connection.execute(select(*columns).where(*_waiting()).distinct().limit(_AT_ONCE)).all()

        for group, tenant, user in await self._database.sweep(work):
            # Where there is a job of this key, it is meant.
            await self.enqueue(group, Call(Principal(tenant, user or None)))


def anything_waits(connection: Connection) -> bool:
    """Whether there are files that should have a job, if they have none."""
    return connection.execute(select(FILES.c.id).where(*_waiting()).limit(1)).first() is not None


def _waiting() -> tuple[ColumnElement[bool], ...]:
    return FILES.c.status == "in_progress", FILES.c.created_at < int(time.time()) - _LOST
