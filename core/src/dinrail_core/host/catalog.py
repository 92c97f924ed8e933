"""Which instance has which model: asked for now and then, remembered, never in a request's way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from dinrail_core.api.provider import Health, ModelInfo, ModelSource, State
from dinrail_core.errors import DinrailError

__all__ = ["Listing"]

_ASK_LIMIT = 10.0
_FIRST_RETRY = 1.0
_STOP_LIMIT = 1.0


class Listing:
    """The models of one instance, kept fresh by a task.

    Args:
        source: The instance.
        every: Seconds between two looks while it answers; one that does not is asked again after 1, 2, 4, … seconds.
        changed: Called after a look that changed what is listed.
    """

    def __init__(self, source: ModelSource, every: float, changed: Callable[[], None]) -> None:
        self._source = source
        self._every = every
        self._changed = changed
        self._look: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self.models: Mapping[str, ModelInfo] = MappingProxyType({})
        self.health: Health | None = None
        self.looked_at = 0.0

    def start(self) -> None:
        """Begin to look; returns at once, whatever the upstream does."""
        self._task = asyncio.create_task(self._keep_fresh(), name="dinrail-models")

    def halt(self) -> None:
        """Look no more."""
        for task in (self._task, self._look):
            if task is not None:
                task.cancel()

    async def stop(self) -> None:
        """Look no more, and wait until a look under way has ended; one that does not heed its cancellation is left."""
        self.halt()
        running = {task for task in (self._task, self._look) if task is not None and not task.done()}
        if running:
            await asyncio.wait(running, timeout=_STOP_LIMIT)

    async def refresh(self, older_than: float = 0.0, within: float = _ASK_LIMIT) -> None:
        """Look now, unless the last look is younger than ``older_than`` seconds; those who ask at once share one look.

        Args:
            older_than: Seconds.
            within: Seconds to wait; the look itself goes on behind.
        """
        if self._look is None or self._look.done():
            if self.health is not None and time.monotonic() - self.looked_at < older_than:
                return
            self._look = asyncio.create_task(self._ask(), name="dinrail-models-look")
        await asyncio.wait({self._look}, timeout=within)

    async def _keep_fresh(self) -> None:
        pause = _FIRST_RETRY
        while True:
            await self.refresh()
            healthy = self.health is not None and self.health.state is State.READY
            pause = self._every if healthy else min(pause, self._every)
            await asyncio.sleep(pause)
            pause = _FIRST_RETRY if healthy else pause * 2

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(_ASK_LIMIT):
                found: Sequence[ModelInfo] = await self._source.models()
            models, health = {model.id: model for model in found}, Health(State.READY)
        except TimeoutError:
            models, health = {}, Health(State.UNREACHABLE, "listing its models took too long")
        except DinrailError as error:
            models, health = {}, Health(State.UNREACHABLE, error.message)
        except (Exception, SystemExit) as error:  # a provider's code may raise anything; the rest serve
            models, health = {}, Health(State.UNREACHABLE, f"listing its models failed ({type(error).__name__})")
        changed = models != self.models
        self.models, self.health, self.looked_at = MappingProxyType(models), health, time.monotonic()
        if changed:
            self._changed()
