"""Signals: the first SIGTERM drains, anything more urgent ends it within two seconds."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Stop"]

_LAST_RESORT = 1.7


class Stop:
    """What has been asked of the process.

    Attributes:
        asked: Set once it shall stop.
        urgent: Set once it shall stop now.
    """

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.urgent = asyncio.Event()
        self._watchdog: threading.Timer | None = None
        self._task: asyncio.Task[object] | None = None

    def ask(self) -> None:
        """Stop once requests under way have ended; asking twice changes nothing."""
        self.asked.set()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def hurry(self) -> None:
        """Stop now. Should closing a provider hang, the process ends all the same."""
        self.ask()
        self.urgent.set()
        if self._watchdog is None:
            self._watchdog = threading.Timer(_LAST_RESORT, os._exit, (1,))
            self._watchdog.daemon = True
            self._watchdog.start()

    def on_terminate(self) -> None:
        """SIGTERM: the first asks, the second hurries."""
        if self.asked.is_set():
            self.hurry()
        else:
            self.ask()

    @contextmanager
    def cancels_current_task(self) -> Iterator[None]:
        """While the server is being opened there is nothing to wait for: being asked to stop cancels it."""
        self._task = asyncio.current_task()
        try:
            yield
        except asyncio.CancelledError:
            if not self.asked.is_set():
                raise
        finally:
            self._task = None

    def spare_task(self) -> None:
        """The server is open: from now on it is closed in order."""
        self._task = None

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Take SIGTERM and SIGINT from the running loop while in the block."""
        loop = asyncio.get_running_loop()
        handlers = {signal.SIGTERM: self.on_terminate, signal.SIGINT: self.hurry}
        for number, handler in handlers.items():
            try:
                loop.add_signal_handler(number, handler)
            except NotImplementedError:  # Windows' loops have none
                signal.signal(number, lambda *_, handler=handler: loop.call_soon_threadsafe(handler))
        try:
            yield
        finally:
            if self._watchdog is not None:
                self._watchdog.cancel()
