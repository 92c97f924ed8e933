"""Locks between processes, which fall with the process that holds them."""

from __future__ import annotations

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # a module, or none

__all__ = ["NO_LOCKS", "try_lock"]

NO_LOCKS = -1
"""Returned where the system, or the file system, has no such locks: everybody is then alone."""


def try_lock(file: Path) -> int | None:
    """Take the lock, if nobody has it.

    Args:
        file: Made if need be; stays there, since taking it away would let two hold it.

    Returns:
        A descriptor, whose closing gives the lock up; :data:`NO_LOCKS`; or ``None`` while somebody else has it.
    """
    if fcntl is None:
        return NO_LOCKS
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        os.close(descriptor)
        return NO_LOCKS
    return descriptor
