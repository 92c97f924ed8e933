"""Ids whose order is the order of creation."""

from __future__ import annotations

import os
import threading
import time

__all__ = ["new_id"]

_lock = threading.Lock()
_RANDOM_BYTES = 15


class _Clock:
    """Milliseconds that never go back, and a counter for those that share one."""

    def __init__(self) -> None:
        self._last = 0
        self._count = 0

    def tick(self) -> tuple[int, int]:
        with _lock:
            now = max(time.time_ns() // 1_000_000, self._last)
            self._count = self._count + 1 if now == self._last else 0
            self._last = now
            return now, self._count


_clock = _Clock()


def new_id(prefix: str) -> str:
    """An id that no one can guess and that sorts behind every id made before it in this process.

    After the prefix come 48 lower-case hexadecimal digits: 12 of milliseconds since the epoch, 6 of a counter within
    the millisecond, 30 of random bits. Processes whose clocks agree sort together; a cursor that is such an id stays
    good when its object has been deleted.

    Args:
        prefix: Like ``file-`` or ``conv_``.
    """
    milliseconds, count = _clock.tick()
    return f"{prefix}{milliseconds:012x}{count & 0xFFFFFF:06x}{os.urandom(_RANDOM_BYTES).hex()}"
