"""A fault at any step leaves rows and bytes that agree, and nothing that was acknowledged is lost.

Steps are the calls of the database (which fail before or after their commit, since an answer can be lost on its way)
and those of the disk.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, func, select, update
from stock import LEASE, SWEEP, settled, until

from dinrail_core.api.blobs import BlobStore
from dinrail_core.api.call import LOCAL, Call, Principal
from dinrail_core.api.files import ListFilesQuery, NewFile
from dinrail_core.api.uploads import CompleteUpload, CreateUpload
from dinrail_core.errors import Unavailable
from dinrail_core.hooks import Rail
from dinrail_files.intake import Intake
from dinrail_files.service import FileService
from dinrail_files.tables import LOOSE
from dinrail_files.uploads import UploadService
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.units import Owned
from dinrail_sdk.testing.blobs import in_pieces
from dinrail_sdk.testing.periodic import look_now

T = TypeVar("T")

CALL = Call(LOCAL)
NEW = NewFile(filename="a.txt", purpose="user_data")
DISK = ("write", "fsync", "rename", "unlink", "close")


@dataclass
class Faults:
    """Lets the n-th step fail, and those behind it if it lasts.

    Attributes:
        nth: Which; none for 0.
        after: Whether a step of the database fails once it has been committed.
        lasting: Whether all further steps fail too.
    """

    nth: int = 0
    after: bool = False
    lasting: bool = False
    steps: int = 0
    happened: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> bool:
        with self._lock:
            self.steps += 1
            hit = self.nth != 0 and (self.steps == self.nth or (self.lasting and self.steps > self.nth))
            self.happened |= hit
            return hit


class FaultyDatabase(Database):
    """A real database whose answers can be lost."""

    def __init__(self, database: Database, faults: Faults) -> None:
        self._database = database
        self._faults = faults

    async def read(self, principal: Principal, work: Callable[[Owned], T]) -> T:
        return await self._database.read(principal, work)

    async def write(self, principal: Principal, work: Callable[[Owned], T]) -> T:
        hit = self._faults()
        if hit and not self._faults.after:
            raise Unavailable("The database is away.")
        result = await self._database.write(principal, work)
        if hit:
            raise Unavailable("The database went away.")
        return result

    async def sweep(self, work: Callable[[Connection], T]) -> T:
        return await self._database.sweep(work)


@asynccontextmanager
async def faulty_disk(faults: Faults) -> AsyncIterator[None]:
    def wrap(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if "blob" not in threading.current_thread().name or not faults():
                return real(*args, **kwargs)
            if real is close:
                real(*args)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        return call

    close = os.close
    with pytest.MonkeyPatch.context() as patch:
        for name in DISK:
            patch.setattr(os, name, wrap(getattr(os, name)))
        yield


class Bench:
    """The services over a database and a disk with faults."""

    def __init__(self, database: Database, blobs: BlobStore, intake: Intake) -> None:
        self.files = FileService(database, blobs, intake, 1_000_000)
        self.uploads = UploadService(database, blobs, intake, 1_000_000, 1_000_000)

    async def contents(self) -> dict[str, bytes]:
        """All files with their bytes."""
        found = {}
        for file in (await self.files.list(ListFilesQuery(), CALL)).value.data:
            content = await self.files.content(file.id, CALL)
            found[file.id] = b"".join([piece async for piece in content.read(0, file.bytes)])
        return found


@asynccontextmanager
async def bench(rail: Rail, faults: Faults) -> AsyncIterator[Bench]:
    database = FaultyDatabase(await rail.service(Database), faults)
    blobs = await rail.service(BlobStore)
    async with Intake.open(database, blobs, LEASE) as intake:
        yield Bench(database, blobs, intake)


async def end_leases(rail: Rail) -> None:
    """As if the time of all leases were over: nobody is left who holds one."""

    def work(connection: Connection) -> None:
        connection.execute(update(LOOSE).where(LOOSE.c.writing.is_(True)).values(due_at=0))

    database = await rail.service(Database)
    await database.sweep(work)
    await look_now(rail, SWEEP)


async def creating(bench: Bench) -> set[bytes]:
    await bench.files.create(NEW, in_pieces(b"created"), CALL)
    return {b"created"}


async def deleting(bench: Bench) -> set[bytes]:
    file = (await bench.files.list(ListFilesQuery(), CALL)).value.data[0]
    await bench.files.delete(file.id, CALL)
    return set()


async def assembling(bench: Bench) -> set[bytes]:
    request = CreateUpload(filename="a", purpose="user_data", bytes=6, mime_type="text/plain")
    upload = (await bench.uploads.create(request, CALL)).value
    parts = [(await bench.uploads.add_part(upload.id, in_pieces(text), CALL)).value for text in (b"abc", b"def")]
    await bench.uploads.complete(upload.id, CompleteUpload(part_ids=[part.id for part in parts]), CALL)
    return {b"abcdef"}


async def cancelling(bench: Bench) -> set[bytes]:
    request = CreateUpload(filename="a", purpose="user_data", bytes=3, mime_type="text/plain")
    upload = (await bench.uploads.create(request, CALL)).value
    await bench.uploads.add_part(upload.id, in_pieces(b"abc"), CALL)
    await bench.uploads.cancel(upload.id, CALL)
    return set()


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("after", [False, True], ids=["before the commit", "after the commit"])
@pytest.mark.parametrize(
    ("operation", "steps"),
    [(creating, 6), (deleting, 4), (assembling, 16), (cancelling, 8)],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_a_fault_at_any_step_leaves_rows_and_bytes_in_agreement(
    rail: Rail, tmp_path: Path, operation: Callable[[Bench], Any], steps: int, after: bool, lasting: bool
) -> None:
    nth, acknowledged = 0, 0
    while True:
        nth += 1
        async with bench(rail, Faults()) as clean:
            kept = (await clean.files.create(NEW, in_pieces(b"kept"), CALL)).value
            before = await clean.contents()
        faults = Faults(nth, after, lasting)
        async with faulty_disk(faults), bench(rail, faults) as faulty:
            try:
                expected = await operation(faulty)
            except Unavailable:
                expected = None
            # What is given up is given up beside the request; the block is left once that is done.
        await end_leases(rail)
        stock = await settled(rail, tmp_path)
        async with bench(rail, Faults()) as clean:
            found = await clean.contents()
            new = {content for key, content in found.items() if key not in before}
            assert new <= {b"created", b"abcdef"}
            if expected is not None:
                acknowledged += 1
                assert new == expected
            if operation is not deleting:
                assert found[kept.id] == b"kept"
            assert len(stock.files) == len(found)
            for key in found:
                await clean.files.delete(key, CALL)
        if not faults.happened:
            break
        assert nth < 100
    assert acknowledged
    assert nth > steps


async def test_bytes_that_a_dead_process_left_are_removed_by_any_other(rail: Rail, tmp_path: Path) -> None:
    """A process that stopped in the middle: nothing of its own runs any more."""
    faults = Faults(nth=2, lasting=True)  # the row of the loose blob is written, and then nothing works
    with pytest.raises(Unavailable):
        async with faulty_disk(faults), bench(rail, faults) as dying:
            await dying.files.create(NEW, in_pieces(b"x" * 10), CALL)
    stock = await settled(rail, tmp_path)
    assert not stock.blobs


async def test_a_writer_that_was_taken_for_dead_is_refused_and_leaves_nothing(rail: Rail, tmp_path: Path) -> None:
    """Like a machine that slept for a minute in the middle of an upload."""
    database, blobs = await rail.service(Database), await rail.service(BlobStore)
    intake = Intake(database, blobs, LEASE)  # nothing renews its leases
    files = FileService(database, blobs, intake, 1000)

    async def slept() -> AsyncIterator[bytes]:
        yield b"half"

        async def fenced() -> bool:
            await look_now(rail, SWEEP)
            return not await database.sweep(_writing)

        await until(fenced)
        yield b" and half"

    with pytest.raises(Unavailable):
        await files.create(NEW, slept(), CALL)
    assert not (await files.list(ListFilesQuery(), CALL)).value.data


def _writing(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(LOOSE).where(LOOSE.c.writing.is_(True))).scalar_one()
