"""Blobs as files: ``<folder>/<last two letters of the id>/<id>``."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from dinrail_core.api.blobs import Blob, BlobStore, check_blob_id
from dinrail_core.errors import NotFound, Unavailable

__all__ = ["LocalBlobs", "open_local"]

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 4
_WRITE = 1024 * 1024
"""Bytes that are gathered before a thread writes and hashes them: a hop costs as much as hashing 100 kB."""
_READ = 256 * 1024
_RETRY_AFTER = 5.0


class LocalBlobs(BlobStore):
    """Blobs in a local folder.

    Args:
        folder: Where; it exists.
        threads: Where the disk is waited for.
    """

    def __init__(self, folder: Path, threads: ThreadPoolExecutor) -> None:
        self._folder = folder
        self._threads = threads

    async def put(self, blob_id: str, source: AsyncIterator[bytes]) -> Blob:
        """See :meth:`BlobStore.put`."""
        writing = _Writing(self._path(blob_id))
        try:
            await self._run(writing.begin)
            gathered: list[bytes] = []
            size = 0
            async for piece in source:
                gathered.append(piece)
                size += len(piece)
                if size >= _WRITE:
                    await self._run(writing.write, gathered)
                    gathered, size = [], 0
            await self._run(writing.write, gathered)
            await self._run(writing.finish)
        except BaseException:
            with suppress(Unavailable):  # what is left is removed by the delete() that follows a failed put()
                await self._run(writing.abandon)
            raise
        return Blob(blob_id, writing.size, writing.hash.hexdigest())

    async def open(self, blob_id: str, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes, None]:
        """See :meth:`BlobStore.open`."""
        file = await self._run(_open, self._path(blob_id))
        try:
            while stop is None or start < stop:
                wanted = _READ if stop is None else min(_READ, stop - start)
                piece = await self._run(os.pread, file, wanted, start)
                if not piece:
                    return
                start += len(piece)
                yield piece
        finally:
            await self._run(os.close, file)

    async def delete(self, blob_id: str) -> None:
        """See :meth:`BlobStore.delete`."""
        await self._run(_delete, self._path(blob_id))

    def _path(self, blob_id: str) -> Path:
        check_blob_id(blob_id)
        return self._folder / blob_id[-2:] / blob_id

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do something in a thread, to its end even if nobody waits any more: its file must not be closed under it."""
        future = asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(*args, **kwargs))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            while not future.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([future])
            with suppress(Exception):  # nobody is left who could be told
                future.result()
            raise
        except OSError as error:
            raise _unavailable(error) from error


class _Writing:
    """A file that becomes a blob once it is whole; every method blocks.

    Args:
        path: Where it is to be.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._beside = _beside(path)
        self._file: int | None = None
        self.size = 0
        self.hash = hashlib.sha256()

    def begin(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            self._file = os.open(self._beside, flags, 0o600)
        except FileNotFoundError:
            folder = self._path.parent
            folder.mkdir(mode=0o700, exist_ok=True)
            _sync_folder(folder.parent)
            self._file = os.open(self._beside, flags, 0o600)

    def write(self, pieces: list[bytes]) -> None:
        assert self._file is not None
        for piece in pieces:
            self.hash.update(piece)
            self.size += len(piece)
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(self._file, rest) :]

    def finish(self) -> None:
        assert self._file is not None
        os.fsync(self._file)
        self._close()
        os.rename(self._beside, self._path)
        _sync_folder(self._path.parent)

    def abandon(self) -> None:
        with suppress(OSError):
            self._close()
        self._beside.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)  # if it was given up between the renaming and the answer

    def _close(self) -> None:
        """Close the file; even a failing ``close`` has done it, and another would close somebody else's."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound("There is no such blob.") from None


def _delete(path: Path) -> None:
    gone = False
    for file in (path, _beside(path)):
        with suppress(FileNotFoundError):
            file.unlink()
            gone = True
    if gone:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make durable which names a folder holds."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _unavailable(error: OSError) -> Unavailable:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable("There is no room left for files.", retry_after=_RETRY_AFTER)
    return Unavailable("The folder of files cannot be used.", retry_after=_RETRY_AFTER)


@asynccontextmanager
async def open_local(folder: Path) -> AsyncIterator[LocalBlobs]:
    """Open a folder, made if need be, for this user's eyes only.

    Args:
        folder: Where.
    """
    await asyncio.to_thread(folder.mkdir, 0o700, parents=True, exist_ok=True)
    threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="dinrail-blobs")
    try:
        yield LocalBlobs(folder, threads)
    finally:
        await asyncio.to_thread(threads.shutdown)
