"""What every blob store has to do.

A plugin's test file says how its store is opened, and that is all::

    class TestMyStore(BlobStoreSuite):
        @asynccontextmanager
        async def open_store(self) -> AsyncIterator[BlobStore]:
            async with MyStore.connect() as store:
                yield store
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, suppress

import pytest

from dinrail_core.api.blobs import BlobStore
from dinrail_core.errors import NotFound
from dinrail_sdk.sql.ids import new_id

__all__ = ["BlobStoreSuite", "contents", "in_pieces"]

_LIMIT = 60.0
_LARGE = 20 * 1024 * 1024 + 17


class _SourceFailed(Exception):
    """Raised by a source in the middle of its bytes."""


async def in_pieces(data: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    """A source of bytes."""
    for at in range(0, len(data), size):
        await asyncio.sleep(0)
        yield data[at : at + size]


async def contents(store: BlobStore, blob_id: str, start: int = 0, stop: int | None = None) -> bytes:
    """What a blob, or a range of it, holds."""
    async with aclosing(store.open(blob_id, start, stop)) as pieces:
        return b"".join([piece async for piece in pieces])


class BlobStoreSuite(ABC):
    """The contract of :class:`~dinrail_core.api.blobs.BlobStore`, as tests."""

    @abstractmethod
    def open_store(self) -> AbstractAsyncContextManager[BlobStore]:
        """Open the store under test; called once per test, on an event loop of the test's own."""

    def _on(self, check: Callable[[BlobStore], Awaitable[None]]) -> None:
        async def run() -> None:
            async with asyncio.timeout(_LIMIT), self.open_store() as store:
                await check(store)

        asyncio.run(run())

    @pytest.mark.parametrize("size", [0, 1, 65_536, 300_001, _LARGE])
    def test_what_was_put_comes_back_with_its_size_and_hash(self, size: int) -> None:
        """Troubleshooting: is an empty blob kept, and the last piece of a large one?"""

        async def check(store: BlobStore) -> None:
            data, blob_id = random.Random(size).randbytes(size), new_id("blob-")  # noqa: S311  # a pattern, no secret
            blob = await store.put(blob_id, in_pieces(data))
            assert (blob.id, blob.size, blob.sha256) == (blob_id, size, hashlib.sha256(data).hexdigest())
            assert await contents(store, blob_id) == data

        self._on(check)

    def test_any_range_can_be_read(self) -> None:
        """Troubleshooting: ``stop`` is behind the last byte, as in a slice; HTTP's ranges name the last byte itself."""

        async def check(store: BlobStore) -> None:
            data, blob_id = bytes(range(256)) * 1200, new_id("blob-")
            await store.put(blob_id, in_pieces(data))
            size = len(data)
            for start, stop in ((0, 1), (1, 2), (size - 1, size), (100, 270_000), (0, size + 9), (7, 7), (size, None)):
                assert await contents(store, blob_id, start, stop) == data[start:stop]
            assert await contents(store, blob_id, 300_000) == data[300_000:]

        self._on(check)

    def test_a_missing_blob_is_not_found(self) -> None:
        """Troubleshooting: the error comes from the first step of the iteration."""

        async def check(store: BlobStore) -> None:
            with pytest.raises(NotFound):
                await contents(store, new_id("blob-"))
            with pytest.raises(NotFound):
                await contents(store, new_id("blob-"), 3, 5)

        self._on(check)

    def test_a_deleted_blob_is_gone_and_deleting_it_again_is_no_error(self) -> None:
        """Troubleshooting: a service that was killed while it deleted deletes again."""

        async def check(store: BlobStore) -> None:
            kept, gone = new_id("blob-"), new_id("blob-")
            await store.put(kept, in_pieces(b"kept"))
            await store.put(gone, in_pieces(b"gone"))
            for _ in range(2):
                await store.delete(gone)
            with pytest.raises(NotFound):
                await contents(store, gone)
            assert await contents(store, kept) == b"kept"

        self._on(check)

    @pytest.mark.parametrize("size", [10, _LARGE])
    def test_a_source_that_fails_leaves_nothing(self, size: int) -> None:
        """Troubleshooting: is what was written so far given up, and the source's own error raised?"""

        async def check(store: BlobStore) -> None:
            async def failing() -> AsyncIterator[bytes]:
                async for piece in in_pieces(bytes(size)):
                    yield piece
                raise _SourceFailed

            blob_id = new_id("blob-")
            with pytest.raises(_SourceFailed):
                await store.put(blob_id, failing())
            with pytest.raises(NotFound):
                await contents(store, blob_id)
            await store.delete(blob_id)

        self._on(check)

    def test_a_blob_that_is_being_put_cannot_be_read_and_a_cancelled_put_leaves_nothing(self) -> None:
        """Troubleshooting: a client that leaves cancels the request in the middle of its upload."""

        async def check(store: BlobStore) -> None:
            reached = asyncio.Event()

            async def endless() -> AsyncIterator[bytes]:
                async for piece in in_pieces(bytes(_LARGE)):
                    yield piece
                reached.set()
                await asyncio.Event().wait()

            blob_id = new_id("blob-")
            putting = asyncio.create_task(store.put(blob_id, endless()))
            await reached.wait()
            with pytest.raises(NotFound):
                await contents(store, blob_id)
            putting.cancel()
            with suppress(asyncio.CancelledError):
                await putting
            await store.delete(blob_id)
            with pytest.raises(NotFound):
                await contents(store, blob_id)

        self._on(check)

    def test_many_are_put_and_read_at_once(self) -> None:
        """Troubleshooting: is something shared between two calls?"""

        async def check(store: BlobStore) -> None:
            blobs = {new_id("blob-"): bytes([index]) * (index * 10_007) for index in range(20)}
            await asyncio.gather(*(store.put(blob_id, in_pieces(data, 999)) for blob_id, data in blobs.items()))
            found = await asyncio.gather(*(contents(store, blob_id) for blob_id in blobs))
            assert found == list(blobs.values())

        self._on(check)

    @pytest.mark.parametrize("name", ["../../etc/passwd", "a/b/c/d/e/f", "", "x", "UPPER-CASE-ID", "blob-\n0123456"])
    def test_what_is_no_id_is_refused(self, name: str) -> None:
        """Troubleshooting: :func:`~dinrail_core.api.blobs.check_blob_id` says what an id is."""

        async def check(store: BlobStore) -> None:
            with pytest.raises(ValueError, match="id of a blob"):
                await store.put(name, in_pieces(b""))
            with pytest.raises(ValueError, match="id of a blob"):
                await contents(store, name)
            with pytest.raises(ValueError, match="id of a blob"):
                await store.delete(name)

        self._on(check)
