"""Taking bytes in, so that no crash leaves bytes without a row or a row without bytes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, update

from dinrail_core.api.blobs import BlobStore
from dinrail_core.api.call import Call, Principal
from dinrail_core.errors import DinrailError, TooLarge, Unavailable
from dinrail_files.media_types import HEAD
from dinrail_files.tables import LOOSE
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.sql.quota import check_room, full, room
from dinrail_sdk.sql.units import Owned

__all__ = ["Intake", "Limit", "Taken", "loosen"]

_LOG = logging.getLogger("dinrail.files")


@dataclass(frozen=True, slots=True)
class Limit:
    """How much may come.

    Attributes:
        bytes: The most.
        param: The field of the request that is to blame for more.
        what: The word for it.
        stored: Whether the bytes are counted already, as parts whose place they take.
    """

    bytes: int
    param: str
    what: str
    stored: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """Bytes that are durable, but belong to nothing yet.

    Attributes:
        blob: Their id.
        size: How many they are.
        sha256: Their hash, in hexadecimal.
        head: The first of them, for a look at what they are.
        call: Whose they are.
    """

    blob: str
    size: int
    sha256: str
    head: bytes
    call: Call

    def claim(self, unit: Owned) -> None:
        """Strike the blob out of the loose ones, in the transaction that makes it belong to something.

        Raises:
            RateLimited: Something else has taken the room meanwhile.
            Unavailable: It has been removed, since this process seemed to be dead.
        """
        check_room(unit, self.call, self.size)
        if unit.delete(LOOSE, LOOSE.c.id == self.blob, LOOSE.c.writing.is_(True)) != 1:
            raise Unavailable("Keeping the bytes took too long; send them again.", retry_after=1)


def loosen(unit: Owned, *blobs: str) -> None:
    """Note that blobs are to be removed, in the transaction that takes away what they belonged to."""
    now = time.time()
    unit.insert(LOOSE, *({"id": blob, "writing": False, "due_at": now} for blob in blobs))


class Intake:
    """Takes bytes in.

    Args:
        database: Where blobs are written down.
        blobs: Where they go.
        lease: Seconds for which a blob that is being written is left alone, unless they are renewed.
    """

    def __init__(self, database: Database, blobs: BlobStore, lease: float) -> None:
        self._database = database
        self._blobs = blobs
        self._lease = lease
        self._held: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls, database: Database, blobs: BlobStore, lease: float) -> AsyncIterator[Intake]:
        """An intake that renews its leases until the block is left."""
        intake = cls(database, blobs, lease)
        renewing = asyncio.create_task(intake._renew(), name="dinrail-files-leases")
        try:
            yield intake
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing
            await asyncio.gather(*intake._tasks)

    @asynccontextmanager
    async def take(self, source: AsyncIterator[bytes], call: Call, limit: Limit) -> AsyncIterator[Taken]:
        """Take bytes in; within the block they have to be claimed (:meth:`Taken.claim`), or they are removed.

        Args:
            source: The bytes.
            call: Whose they are.
            limit: How many they may be.

        Raises:
            TooLarge: They are more.
            RateLimited: They are more than the caller has room for.
        """
        blob_id = new_id("blob-")
        row = {"id": blob_id, "writing": True, "due_at": time.time() + self._lease}

        def begin(unit: Owned) -> int | None:
            free = None if limit.stored else room(unit, call)
            if free == 0:
                raise full(call)
            unit.insert(LOOSE, row)
            return free

        free = await self._database.write(call.principal, begin)
        self._held.add(blob_id)
        try:
            watch = _Watch(limit, free, call)
            async with aclosing(watch.over(source)) as watched:
                blob = await self._blobs.put(blob_id, watched)
            yield Taken(blob_id, blob.size, blob.sha256, watch.head, call)
        except BaseException:
            # Beside the request: it may have been cancelled, or the database may be what failed.
            task = asyncio.create_task(self._give_up(blob_id, call.principal), name="dinrail-files-give-up")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            raise
        finally:
            self._held.discard(blob_id)

    async def remove(self, principal: Principal, blobs: Sequence[str]) -> None:
        """Remove blobs that were :func:`loosened <loosen>`; what fails is left for the sweeper."""
        try:
            for blob in blobs:
                await self._blobs.delete(blob)
            if blobs:
                await self._database.write(
                    principal, lambda unit: unit.delete(LOOSE, LOOSE.c.id.in_(blobs), LOOSE.c.writing.is_(False))
                )
        except DinrailError as error:
            _LOG.warning("blobs will be removed later: %s", error)

    async def _give_up(self, blob_id: str, principal: Principal) -> None:
        """Remove what was put, unless it was claimed: an error on the way back does not mean that nothing was written.

        The row decides. Where even that cannot be reached, the lease ends and the sweeper asks it.
        """

        def work(unit: Owned) -> int:
            changes = {"writing": False, "due_at": time.time()}
            return unit.update(LOOSE, changes, LOOSE.c.id == blob_id, LOOSE.c.writing.is_(True))

        try:
            if await self._database.write(principal, work):
                await self.remove(principal, [blob_id])
        except DinrailError as error:
            _LOG.warning("a blob will be removed later: %s", error)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lease / 3)
            held = list(self._held)
            if not held:
                continue
            due_at = time.time() + self._lease
            try:
                await self._database.sweep(partial(_prolong, blobs=held, due_at=due_at))
            except DinrailError as error:
                _LOG.warning("leases of blobs could not be renewed: %s", error)


def _prolong(connection: Connection, blobs: Sequence[str], due_at: float) -> None:
    connection.execute(update(LOOSE).where(LOOSE.c.id.in_(blobs), LOOSE.c.writing.is_(True)).values(due_at=due_at))


class _Watch:
    """Looks at bytes as they pass.

    Args:
        limit: How many may.
        free: For how many there is room, where that is limited.
        call: Whose they are.
    """

    def __init__(self, limit: Limit, free: int | None, call: Call) -> None:
        self._limit = limit
        self._free = free
        self._call = call
        self.head = b""

    async def over(self, source: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        size = 0
        async for piece in source:
            size += len(piece)
            if size > self._limit.bytes:
                raise TooLarge(
                    f"The {self._limit.what} is larger than {self._limit.bytes} bytes.", param=self._limit.param
                )
            if self._free is not None and size > self._free:
                raise full(self._call)
            if len(self.head) < HEAD:
                self.head += piece[: HEAD - len(self.head)]
            yield piece
