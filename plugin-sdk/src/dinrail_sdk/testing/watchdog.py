"""Notices when something keeps the event loop from running, and tells what it was."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from pathlib import Path
from types import TracebackType

__all__ = ["LoopWatch"]

_BEAT = 0.005


class LoopWatch:
    """Measures for how long the event loop did not come round, while it is entered.

    A thread asks the loop for a sign of life and times it. Time for which the loop's thread was ready but got no
    processor is taken off where the system tells (Linux), so that a busy machine is not blamed on the provider.

    Attributes:
        longest: The longest block, seconds.
        where: The loop's stack during that block, as text.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self.where = ""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    async def __aenter__(self) -> LoopWatch:
        arguments = (asyncio.get_running_loop(), threading.get_ident(), threading.get_native_id())
        self._thread = threading.Thread(target=self._watch, args=arguments, name="dinrail-loop-watch", daemon=True)
        self._thread.start()
        await asyncio.sleep(2 * _BEAT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.sleep(2 * _BEAT)
        self._stop.set()
        assert self._thread is not None
        await asyncio.to_thread(self._thread.join, 5.0)

    def _watch(self, loop: asyncio.AbstractEventLoop, ident: int, native: int) -> None:
        while not self._stop.is_set():
            answered = threading.Event()
            came: list[float] = []

            def answer(came: list[float] = came, answered: threading.Event = answered) -> None:
                came.append(time.monotonic())
                answered.set()

            waited_before, asked = _run_queue_seconds(native), time.monotonic()
            try:
                loop.call_soon_threadsafe(answer)
            except RuntimeError:
                return
            where = ""
            while not answered.wait(2 * _BEAT):
                frame = sys._current_frames().get(ident)
                where = where or "".join(traceback.format_stack(frame, limit=12) if frame else ())
                if self._stop.is_set():
                    return
            blocked = came[0] - asked - (_run_queue_seconds(native) - waited_before)
            if blocked > self.longest:
                self.longest, self.where = blocked, where
            self._stop.wait(_BEAT)


def _run_queue_seconds(native: int) -> float:
    """For how long a thread has been ready without a processor, or 0.0 where the system does not tell."""
    try:
        return int(Path(f"/proc/self/task/{native}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0
