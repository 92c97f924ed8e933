"""The local folder as a blob store."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dinrail_blobs.local import open_local
from dinrail_core.api.blobs import BlobStore
from dinrail_core.errors import NotFound, Unavailable
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.testing.blobs import BlobStoreSuite, contents, in_pieces

DATA = bytes(range(256)) * 12_000


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


class TestLocalBlobs(BlobStoreSuite):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> Iterator[None]:
        self.folder = tmp_path / "not" / "there" / "yet"
        yield
        assert not [path for path in files(tmp_path) if path.suffix == ".part"]

    @asynccontextmanager
    async def open_store(self) -> AsyncIterator[BlobStore]:
        async with open_local(self.folder) as store:
            yield store


async def test_blobs_are_for_the_eyes_of_their_user_only(tmp_path: Path) -> None:
    async with open_local(tmp_path / "blobs") as store:
        await store.put(new_id("blob-"), in_pieces(b"x"))
    for path in tmp_path.joinpath("blobs").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE((tmp_path / "blobs").stat().st_mode) == 0o700


async def test_what_a_killed_process_left_is_removed_with_its_id(tmp_path: Path) -> None:
    async with open_local(tmp_path) as store:
        blob_id = new_id("blob-")
        left = tmp_path / blob_id[-2:] / f"{blob_id}.part"
        left.parent.mkdir()
        left.write_bytes(b"half")
        with pytest.raises(NotFound):
            await contents(store, blob_id)
        await store.delete(blob_id)
        assert not left.exists()


async def test_a_file_and_the_name_of_it_are_synced_before_a_blob_counts_as_put(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a disk that forgets what was not synced, the order is what makes a blob whole or absent."""
    happened: list[str] = []

    def noting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            what = os.readlink(f"/proc/self/fd/{args[0]}") if name == "fsync" else str(args[-1])
            happened.append(f"{name} {Path(what).name}")
            return real(*args)

        return call

    async with open_local(tmp_path) as store:
        blob_id = new_id("blob-")
        for name in ("fsync", "rename"):
            monkeypatch.setattr(os, name, noting(name, getattr(os, name)))
        await store.put(blob_id, in_pieces(DATA))
        shard = blob_id[-2:]
        assert happened == [
            f"fsync {tmp_path.name}",
            f"fsync {blob_id}.part",
            f"rename {blob_id}",
            f"fsync {shard}",
        ]
        happened.clear()
        await store.delete(blob_id)
        assert happened == [f"fsync {shard}"]


CALLS = ("open", "write", "fsync", "rename", "close")


class Faulty:
    """Lets the n-th of the calls that change a disk fail, of those that the store's threads make."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, nth: int, error: int) -> None:
        self.left = nth
        self._error = error
        for name in CALLS:
            monkeypatch.setattr(os, name, self._wrap(getattr(os, name)))

    def _wrap(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            if not threading.current_thread().name.startswith("dinrail-blobs"):
                return real(*args)
            self.left -= 1
            if self.left == 0:
                if real is os_close:
                    real(*args)  # a close that fails has closed
                raise OSError(self._error, os.strerror(self._error))
            return real(*args)

        return call


os_close = os.close


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO], ids=["disk full", "disk broken"])
async def test_a_fault_at_any_step_of_a_put_is_unavailable_and_leaves_nothing(tmp_path: Path, error: int) -> None:
    nth = 0
    while True:
        nth += 1
        folder = tmp_path / str(nth)
        async with open_local(folder) as store:
            good = new_id("blob-")
            await store.put(good, in_pieces(b"good"))
            bad = new_id("blob-")[:-2] + good[-2:]
            with pytest.MonkeyPatch.context() as patch:
                faulty = Faulty(patch, nth, error)
                (outcome,) = await asyncio.gather(store.put(bad, in_pieces(DATA)), return_exceptions=True)
            if isinstance(outcome, BaseException):
                assert isinstance(outcome, Unavailable)
                assert ("no room" in outcome.message) == (error == errno.ENOSPC)
                assert {path.name for path in files(folder)} == {good}
                with pytest.raises(NotFound):
                    await contents(store, bad)
            assert await contents(store, good) == b"good"
        if faulty.left > 0:
            break
    assert nth > 8  # open, four writes, fsync, close, rename, and three for the folder


async def test_a_fault_while_deleting_is_unavailable_and_deleting_again_helps(tmp_path: Path) -> None:
    async with open_local(tmp_path) as store:
        blob_id = new_id("blob-")
        await store.put(blob_id, in_pieces(b"x"))
        with pytest.MonkeyPatch.context() as patch:
            Faulty(patch, 2, errno.EIO)  # the first is the opening of the folder
            with pytest.raises(Unavailable):
                await store.delete(blob_id)
        await store.delete(blob_id)
        assert files(tmp_path) == set()
