"""Ids whose order is the order of creation."""

from __future__ import annotations

import os
import threading
import time

__all__ = ["new_id"]

_lock = threading.Lock()
_RANDOM_BYTES = 15
_MOST = 0xFFFFFF
"""What a counter of six hexadecimal digits can hold."""


class _Clock:
    """Milliseconds that never go back, and a counter for those that share one."""

    def __init__(self) -> None:
        self._last = 0
        self._count = 0

    def tick(self) -> tuple[int, int]:
        with _lock:
            now = time.time_ns() // 1_000_000
            if now > self._last:
                self._last, self._count = now, 0
            elif self._count < _MOST:
                self._count += 1
            else:  # the machine's clock was set back for long: time goes on without it
                self._last, self._count = self._last + 1, 0
            return self._last, self._count


_clock = _Clock()


def new_id(prefix: str, seed: str | None = None) -> str:
    """An id that no one can guess and that sorts behind every id made before it in this process.

    After the prefix come 48 lower-case hexadecimal digits: 12 of milliseconds since the epoch, 6 of a counter within
    the millisecond, 30 of random bits. Processes whose clocks agree sort together; a cursor that is such an id stays
    good when its object has been deleted.

    Args:
        prefix: Like ``file-`` or ``conv_``.
        seed: The call's (:attr:`~dinrail_core.api.call.Call.seed`), for the one object that it makes: another try of
            the same request gets the same id, and learns from ``Duplicate`` that the object is there.
    """
    if seed is not None:
        return prefix + seed
    milliseconds, count = _clock.tick()
    return f"{prefix}{milliseconds:012x}{count:06x}{os.urandom(_RANDOM_BYTES).hex()}"
