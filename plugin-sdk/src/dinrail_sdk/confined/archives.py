"""Documents that are archives: how much they hold is looked at before anything is unpacked."""

from __future__ import annotations

from zipfile import BadZipFile, ZipFile, is_zipfile

from dinrail_sdk.confined.faults import ConfinedFault

__all__ = ["check_unpacked"]

_TIMES = 100
"""How much bigger than the file what is in it may be. Sheets full of the same numbers reach a third of that."""
_SMALL = 64 * 1024**2
"""Bytes that every archive may hold."""
_MOST = 2 * 1024**3
_ENTRIES = 50_000


def check_unpacked(path: str) -> None:
    """See that an archive says that it holds no more than is allowed; for the child, before it calls a library.

    Libraries unpack first and count later, if at all, and the limits of the process end that only after minutes. One
    that says less than it holds is a broken archive to them.

    Args:
        path: Where the file is. What is no archive is of no interest here.

    Raises:
        ConfinedFault: It holds more, or cannot be looked into.
    """
    if not is_zipfile(path):
        return
    try:
        with ZipFile(path) as archive:
            entries = archive.infolist()
            packed = sum(entry.compress_size for entry in entries)
    except (BadZipFile, ValueError, NotImplementedError):
        raise ConfinedFault("invalid_file", "It is broken.") from None
    if len(entries) > _ENTRIES or sum(entry.file_size for entry in entries) > min(_MOST, _SMALL + _TIMES * packed):
        raise ConfinedFault("invalid_file", "It holds more than is allowed, once it is unpacked.")
