"""Uploads: files that come in parts."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

from sqlalchemy import RowMapping

from dinrail_core.api.answers import Answer
from dinrail_core.api.blobs import BlobStore
from dinrail_core.api.call import Call
from dinrail_core.api.files import ExpiresAfter, OpenAIFile
from dinrail_core.api.uploads import CompleteUpload, CreateUpload, Upload, UploadPart, Uploads
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import Conflict, InvalidRequest, NotFound, TooLarge
from dinrail_files.intake import Intake, Limit, Taken, loosen
from dinrail_files.media_types import media_type_of
from dinrail_files.rows import expiry_of, file_of, file_row
from dinrail_files.tables import FILES, PARTS, UPLOADS
from dinrail_sdk.sql.contract import Database, Duplicate
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.sql.units import Owned

__all__ = ["UploadService"]

_LIFETIME = 3600
"""Seconds in which an upload has to be completed."""


class UploadService(Uploads):
    """Takes files in parts.

    Args:
        database: Where the rows are.
        blobs: Where the bytes are.
        intake: How bytes come in.
        max_bytes: The largest file.
        max_part_bytes: The largest part.
    """

    def __init__(
        self, database: Database, blobs: BlobStore, intake: Intake, max_bytes: int, max_part_bytes: int
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._intake = intake
        self._max_bytes = max_bytes
        self._part_limit = Limit(max_part_bytes, "data", "part")

    async def create(self, request: CreateUpload, call: Call) -> Answer[Upload]:
        if request.bytes > self._max_bytes:
            raise InvalidRequest(f"A file may have {self._max_bytes} bytes at most.", param="bytes")
        upload_id, now = new_id("upload_", call.seed), int(time.time())
        seconds = request.expires_after.seconds if isinstance(request.expires_after, ExpiresAfter) else None
        row = {
            "id": upload_id,
            "filename": request.filename,
            "purpose": request.purpose,
            "bytes": request.bytes,
            "media_type": request.mime_type,
            "file_seconds": expiry_of(request.purpose, seconds),
            "status": "pending",
            "created_at": now,
            "expires_at": now + _LIFETIME,
        }
        try:
            await self._database.write(call.principal, lambda unit: unit.insert(UPLOADS, row))
        except Duplicate:
            if call.seed is None:
                raise
            # An earlier try of the same request has made it.
            return Answer.of(_upload(await self._database.read(call.principal, lambda unit: _there(unit, upload_id))))
        return Answer.of(_upload(row))

    async def add_part(self, upload_id: str, source: AsyncIterator[bytes], call: Call) -> Answer[UploadPart]:
        await self._database.read(call.principal, lambda unit: _pending(unit, upload_id))
        part = UploadPart(id=new_id("part_", call.seed), created_at=int(time.time()), upload_id=upload_id)
        try:
            await self._add(part, source, call)
        except Duplicate:
            if call.seed is None:
                raise  # otherwise an earlier try of the same request has added it
        return Answer.of(part)

    async def _add(self, part: UploadPart, source: AsyncIterator[bytes], call: Call) -> None:
        """Take a part in.

        Raises:
            Duplicate: There is one of this id.
        """
        async with self._intake.take(source, call, self._part_limit) as taken:
            row = {
                "id": part.id,
                "upload_id": part.upload_id,
                "blob": taken.blob,
                "bytes": taken.size,
                "created_at": part.created_at,
            }

            def work(unit: Owned) -> None:
                upload = _pending(unit, part.upload_id, lock=True)
                if unit.sum(PARTS.c.bytes, PARTS.c.upload_id == part.upload_id) + taken.size > self._max_bytes:
                    raise TooLarge(f"The parts together are larger than {self._max_bytes} bytes.", param="data")
                taken.claim(unit)
                unit.insert(PARTS, row, under=upload)

            await self._database.write(call.principal, work)

    async def complete(self, upload_id: str, request: CompleteUpload, call: Call) -> Answer[Upload]:
        if call.seed is not None:
            before = await self._database.read(call.principal, lambda unit: _completed(unit, upload_id, call.seed))
            if before is not None:
                return Answer.of(before)

        def look(unit: Owned) -> tuple[RowMapping, Sequence[RowMapping]]:
            return _pending(unit, upload_id), unit.select(PARTS, PARTS.c.upload_id == upload_id)

        upload, there = await self._database.read(call.principal, look)
        parts = _chosen(request.part_ids, there)
        size = sum(part["bytes"] for part in parts)
        if size != upload["bytes"]:
            raise InvalidRequest(
                f"The parts have {size} bytes together, and {upload['bytes']} were announced.", param="part_ids"
            )
        joint = _Joint(self._blobs, [part["blob"] for part in parts], request.md5)
        try:
            async with self._intake.take(joint.read(), call, Limit(size, "part_ids", "file", stored=True)) as taken:
                file, dropped = await self._finish(upload_id, taken, call)
        except NotFound:
            raise _not_pending(upload_id, "completed, cancelled or expired") from None  # meanwhile, by somebody else
        await self._intake.remove(call.principal, dropped)
        return Answer.of(_upload({**upload, "status": "completed"}, file))

    async def cancel(self, upload_id: str, call: Call) -> Answer[Upload]:
        def work(unit: Owned) -> tuple[RowMapping, list[str]]:
            upload = _pending(unit, upload_id, lock=True)
            unit.update(UPLOADS, {"status": "cancelled"}, UPLOADS.c.id == upload_id)
            return upload, _drop_parts(unit, upload_id)

        upload, dropped = await self._database.write(call.principal, work)
        await self._intake.remove(call.principal, dropped)
        return Answer.of(_upload({**upload, "status": "cancelled"}))

    async def _finish(self, upload_id: str, taken: Taken, call: Call) -> tuple[OpenAIFile, list[str]]:
        """Make the file and end the upload, in one transaction."""
        file_id = new_id("file-", call.seed)

        def work(unit: Owned) -> tuple[OpenAIFile, list[str]]:
            upload = _pending(unit, upload_id, lock=True)
            dropped = _drop_parts(unit, upload_id)  # first, since the file takes their room
            taken.claim(unit)
            row = file_row(
                file_id,
                taken,
                filename=upload["filename"],
                purpose=upload["purpose"],
                media_type=media_type_of(taken.head, upload["filename"], upload["media_type"]),
                seconds=upload["file_seconds"],
            )
            unit.insert(FILES, row, under=upload)
            unit.update(UPLOADS, {"status": "completed"}, UPLOADS.c.id == upload_id)
            return file_of(row), dropped

        return await self._database.write(call.principal, work)


class _Joint:
    """Parts, one behind the other.

    Args:
        blobs: Where they are.
        parts: Their ids.
        md5: What the hash of the whole has to be, if that is to be checked.
    """

    def __init__(self, blobs: BlobStore, parts: Sequence[str], md5: object) -> None:
        self._blobs = blobs
        self._parts = parts
        self._md5 = md5.lower() if isinstance(md5, str) else None

    async def read(self) -> AsyncGenerator[bytes, None]:
        """All bytes.

        Raises:
            InvalidRequest: At the end: the hash is another.
        """
        found = hashlib.md5(usedforsecurity=False)
        for part in self._parts:
            async with aclosing(self._blobs.open(part)) as pieces:
                async for piece in pieces:
                    if self._md5 is not None:
                        await asyncio.to_thread(found.update, piece)
                    yield piece
        if self._md5 not in (None, found.hexdigest()):
            raise InvalidRequest("The file's MD5 hash is not the one that was sent.", param="md5")


def _pending(unit: Owned, upload_id: str, *, lock: bool = False) -> RowMapping:
    found = unit.get(UPLOADS, upload_id, lock=lock)
    if found is None:
        raise _missing(upload_id)
    status = found["status"]
    if status == "pending" and found["expires_at"] <= time.time():
        status = "expired"
    if status != "pending":
        raise _not_pending(upload_id, status)
    return found


def _missing(upload_id: str) -> NotFound:
    return NotFound(f"There is no upload '{upload_id}'.", param="upload_id")


def _there(unit: Owned, upload_id: str) -> RowMapping:
    found = unit.get(UPLOADS, upload_id)
    if found is None:
        raise _missing(upload_id)
    return found


def _completed(unit: Owned, upload_id: str, seed: str | None) -> Upload | None:
    """What an earlier try of the request with this seed has made of the upload, if any did."""
    file = unit.get(FILES, new_id("file-", seed))
    return None if file is None else _upload(_there(unit, upload_id), file_of(file))


def _not_pending(upload_id: str, status: str) -> Conflict:
    return Conflict(f"The upload '{upload_id}' is {status}.", param="upload_id", code="upload_not_pending")


def _chosen(part_ids: Sequence[str], there: Sequence[RowMapping]) -> list[RowMapping]:
    by_id = {part["id"]: part for part in there}
    if len(set(part_ids)) < len(part_ids):
        raise InvalidRequest("A part is named twice.", param="part_ids")
    for part_id in part_ids:
        if part_id not in by_id:
            raise InvalidRequest(f"The upload has no part '{part_id}'.", param="part_ids")
    return [by_id[part_id] for part_id in part_ids]


def _drop_parts(unit: Owned, upload_id: str) -> list[str]:
    blobs = [part["blob"] for part in unit.select(PARTS, PARTS.c.upload_id == upload_id)]
    unit.delete(PARTS, PARTS.c.upload_id == upload_id)
    loosen(unit, *blobs)
    return blobs


def _upload(row: Any, file: OpenAIFile | None = None) -> Upload:
    return Upload(
        id=row["id"],
        created_at=row["created_at"],
        filename=row["filename"],
        bytes=row["bytes"],
        purpose=row["purpose"],
        status=row["status"],
        expires_at=row["expires_at"],
        file=MISSING if file is None else file,
    )
