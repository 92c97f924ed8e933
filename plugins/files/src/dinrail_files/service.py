"""Files: rows in the database, bytes in the blob store."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial
from typing import Any

from sqlalchemy import RowMapping

from dinrail_core.api.answers import Answer
from dinrail_core.api.blobs import BlobStore
from dinrail_core.api.call import Call
from dinrail_core.api.files import (
    DeletedFile,
    Describe,
    ExpiresAfter,
    FileContent,
    FileList,
    Files,
    ListFilesQuery,
    OpenAIFile,
)
from dinrail_files.intake import Intake, Limit, loosen
from dinrail_files.media_types import media_type_of
from dinrail_files.rows import existing, expiry_of, file_of, file_row, living, missing_file
from dinrail_files.sweeper import Sweeper
from dinrail_files.tables import FILES
from dinrail_sdk.sql.contract import Database, Duplicate
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.sql.units import Owned, Page

__all__ = ["FileService"]


class FileService(Files):
    """Keeps files.

    Args:
        database: Where their rows are.
        blobs: Where their bytes are.
        intake: How bytes come in.
        max_bytes: The largest file.
    """

    def __init__(self, database: Database, blobs: BlobStore, intake: Intake, max_bytes: int) -> None:
        self._database = database
        self._blobs = blobs
        self._intake = intake
        self._limit = Limit(max_bytes, "file", "file")

    async def store(self, source: AsyncIterator[bytes], describe: Describe, call: Call) -> Answer[OpenAIFile]:
        file_id = new_id("file-", call.seed)
        try:
            row = await self._store(file_id, source, describe, call)
        except Duplicate:
            if call.seed is None:
                raise
            return await self.get(file_id, call)  # an earlier try has made it
        return Answer.of(file_of(row))

    async def _store(self, file_id: str, source: AsyncIterator[bytes], describe: Describe, call: Call) -> Any:
        """Take a file in, and return its row.

        Raises:
            Duplicate: There is one of this id.
        """
        async with self._intake.take(source, call, self._limit) as taken:
            new = await describe()
            seconds = new.expires_after.seconds if isinstance(new.expires_after, ExpiresAfter) else None
            row = file_row(
                file_id,
                taken,
                filename=new.filename,
                purpose=new.purpose,
                media_type=media_type_of(taken.head, new.filename),
                seconds=expiry_of(new.purpose, seconds),
            )

            def work(unit: Owned) -> None:
                taken.claim(unit)
                unit.insert(FILES, row)

            await self._database.write(call.principal, work)
        return row

    async def list(self, query: ListFilesQuery, call: Call) -> Answer[FileList]:
        after = query.after if isinstance(query.after, str) else None
        where = [living()]
        if isinstance(query.purpose, str):
            where.append(FILES.c.purpose == query.purpose)

        def work(unit: Owned) -> Answer[FileList]:
            found = unit.page(FILES, Page(query.limit, query.order, after), *where)
            data = [file_of(row) for row in found.rows]
            first_id, last_id = (data[0].id, data[-1].id) if data else ("", "")
            value = FileList(data=data, first_id=first_id, last_id=last_id, has_more=found.has_more)
            # Ten thousand files take a while to write out, which is better done here than on the loop.
            return Answer(FileList, value=value, body=value.model_dump_json().encode())

        return await self._database.read(call.principal, work)

    async def get(self, file_id: str, call: Call) -> Answer[OpenAIFile]:
        return Answer.of(file_of(await self._row(file_id, call)))

    async def content(self, file_id: str, call: Call) -> FileContent:
        row = await self._row(file_id, call)
        return FileContent(file_of(row), row["media_type"], row["sha256"], partial(self._read, row["blob"]))

    async def delete(self, file_id: str, call: Call) -> Answer[DeletedFile]:
        def work(unit: Owned) -> Any:
            row = existing(unit, file_id)
            # Of two that delete at once, one finds nothing left.
            if unit.delete(FILES, FILES.c.id == file_id) != 1:
                raise missing_file(file_id)
            loosen(unit, row["blob"])
            return row["blob"]

        blob = await self._database.write(call.principal, work)
        await self._intake.remove(call.principal, [blob])
        return Answer.of(DeletedFile(id=file_id))

    async def sweep(self) -> None:
        """Remove what is over: files, uploads, and bytes that belong to neither."""
        await Sweeper(self._database, self._blobs).sweep()

    async def _row(self, file_id: str, call: Call) -> RowMapping:
        return await self._database.read(call.principal, lambda unit: existing(unit, file_id))

    def _read(self, blob: str, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        return self._blobs.open(blob, start, stop)
