"""Folders of containers, in which code may have put anything: nothing is taken for granted here. Everything blocks."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from dinrail_core.errors import InvalidRequest, NotFound

__all__ = ["MOST_FILES", "clean_name", "create", "listed", "open_file", "remove_file", "remove_folder"]

MOST_FILES = 1_000
"""Files of a container that are told of; those beyond are there for its code alone."""
_DEEPEST = 16


def clean_name(name: str) -> str:
    """The last part of a name that somebody gave, as a file can be called.

    Raises:
        InvalidRequest: Nothing is left of it.
    """
    found = PurePosixPath(name.replace("\\", "/")).name
    found = "".join(char for char in found if char.isprintable())[:200].strip()
    if not found or found in (".", ".."):
        raise InvalidRequest("The file has no name that it could have in a container.", param="file")
    return found


def create(folder: Path, name: str) -> tuple[int, str]:
    """Open a new file for writing; where there is one of the name already, under another.

    Returns:
        Its descriptor, and what it is called.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(folder / name, flags, 0o666), name
    except FileExistsError:
        name = f"{secrets.token_hex(8)}-{name}"
        return os.open(folder / name, flags, 0o666), name


def listed(folder: Path) -> dict[str, tuple[int, str]]:
    """Size and stamp of each plain file by its place in the folder; at most :data:`MOST_FILES`."""
    found: dict[str, tuple[int, str]] = {}
    for path, about in _walk(folder):
        found[path] = (about.st_size, f"{about.st_mtime_ns}-{about.st_ino}")
        if len(found) == MOST_FILES:
            break
    return found


def open_file(folder: Path, path: str) -> int:
    """Open a plain file for reading. No link is followed, in the folder or on the way through it.

    Raises:
        NotFound: It is not there any more, or has become something else.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        here = os.open(folder, flags | os.O_DIRECTORY)
        try:
            *parents, name = path.split("/")
            for part in parents:
                inner = os.open(part, flags | os.O_DIRECTORY, dir_fd=here)
                os.close(here)
                here = inner
            opened = os.open(name, flags, dir_fd=here)
        finally:
            os.close(here)
    except OSError:
        raise _missing() from None
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise _missing()
    return opened


def remove_file(folder: Path, path: str) -> None:
    """Remove a file; no error where it is gone already."""
    with suppress(OSError, NotFound):
        os.close(open_file(folder, path))
        (folder / path).unlink()


def remove_folder(folder: Path) -> None:
    """Remove a folder with all that is in it, also what code has locked."""
    for place, folders, _ in os.walk(folder):
        for name in folders:
            with suppress(OSError):
                inner = Path(place, name)
                if not inner.is_symlink():
                    inner.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _walk(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    for place, folders, names in os.walk(folder):
        relative = Path(place).relative_to(folder)
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__pycache__")))
        if len(relative.parts) >= _DEEPEST:
            folders.clear()
        for name in sorted(names):
            try:
                name.encode()
                about = os.lstat(os.path.join(place, name))
            except (OSError, UnicodeEncodeError):
                continue
            if stat.S_ISREG(about.st_mode) and not name.startswith("."):
                yield (relative / name).as_posix(), about


def _missing() -> NotFound:
    return NotFound("The file is not in the container any more.", param="file_id")
