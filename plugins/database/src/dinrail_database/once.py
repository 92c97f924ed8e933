"""A step that must have happened before anything else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

__all__ = ["Once"]


class Once:
    """Takes a step when it is first needed.

    Those who ask while it is taken share the one try, so that nobody queues behind the others' time limits; after a try
    that failed, who asks next tries again.

    Args:
        step: The step.
    """

    def __init__(self, step: Callable[[], Awaitable[object]]) -> None:
        self._step = step
        self._trying: asyncio.Task[None] | None = None
        self.done = False
        """Whether it has been taken."""

    async def __call__(self) -> None:
        """See that it has been taken.

        Raises:
            Exception: Whatever the step raises.
        """
        # Shielded: one who leaves must not undo what others wait for.
        await asyncio.shield(self._try())

    async def within(self, seconds: float) -> None:
        """Take it, and leave it to itself where it lasts longer.

        Raises:
            Exception: Whatever the step raises within that time.
        """
        done, _ = await asyncio.wait({self._try()}, timeout=seconds)
        for task in done:
            task.result()

    async def stop(self) -> None:
        """Wait for what is under way."""
        if self._trying is not None:
            await asyncio.wait({self._trying})

    def _try(self) -> asyncio.Task[None]:
        if self._trying is None:
            self._trying = asyncio.create_task(self._take())
            self._trying.add_done_callback(self._settled)
        return self._trying

    async def _take(self) -> None:
        if not self.done:
            await self._step()
            self.done = True

    def _settled(self, task: asyncio.Task[None]) -> None:
        self._trying = None
        if not task.cancelled():
            task.exception()  # whoever waited has been told
