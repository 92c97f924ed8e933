"""The folder of an engine that has its files for itself."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO

from dinrail_core.errors import NotFound, Unavailable

__all__ = ["Folder"]

_DROPPED = ".dropped"
_BEING_MADE = ".being-made"


class Folder:
    """A folder with one folder for each collection, used by one process at a time. All of it blocks.

    Args:
        path: Where; made if need be.

    Raises:
        Unavailable: Another process uses it.
    """

    def __init__(self, path: Path) -> None:
        path.mkdir(0o700, parents=True, exist_ok=True)
        self._path = path
        self._lock = _locked(path / "LOCK")
        for left in path.glob(f"*{_DROPPED}"), path.glob(f"*{_BEING_MADE}"):
            for one in left:
                shutil.rmtree(one, ignore_errors=True)

    def close(self) -> None:
        """Let another process use it."""
        self._lock.close()

    def dimension(self, collection: str) -> int:
        """How many numbers the vectors of a collection have.

        Raises:
            NotFound: There is no such collection.
        """
        try:
            return int((self._path / collection / "dimension").read_text(encoding="ascii"))
        except FileNotFoundError:
            raise NotFound("There is no such collection of vectors.") from None

    def place(self, collection: str) -> Path:
        """Where a collection is.

        Raises:
            NotFound: There is no such collection.
        """
        self.dimension(collection)
        return self._path / collection

    def make(self, collection: str, dimension: int, fill: Callable[[Path], object]) -> None:
        """Make a collection, whole or not at all.

        Args:
            collection: Its name.
            dimension: Of its vectors.
            fill: Puts into a folder what the engine needs to begin with.
        """
        beside = self._path / f"{collection}{_BEING_MADE}"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(0o700)
        fill(beside)
        with (beside / "dimension").open("w", encoding="ascii") as file:
            file.write(str(dimension))
            file.flush()
            os.fsync(file.fileno())
        os.rename(beside, self._path / collection)
        self._sync()

    def drop(self, collection: str) -> None:
        """Remove a collection, if there is one."""
        beside = self._path / f"{collection}{_DROPPED}"
        try:
            os.rename(self._path / collection, beside)
        except FileNotFoundError:
            return
        self._sync()
        shutil.rmtree(beside, ignore_errors=True)

    def _sync(self) -> None:
        file = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def _locked(path: Path) -> IO[bytes]:
    import fcntl  # not on every system; whoever has no such engine needs none

    file = path.open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise Unavailable("Another process uses this folder of vectors.", retry_after=5.0) from None
    return file
