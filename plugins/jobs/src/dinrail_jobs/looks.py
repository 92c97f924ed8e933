"""Looking whether there is anything to do for work that nobody enqueues."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet

from dinrail_core.api.jobs import JobKind
from dinrail_core.errors import DinrailError
from dinrail_core.hooks import Rail

__all__ = ["Looks"]

_LOG = logging.getLogger("dinrail.jobs")


class Looks:
    """Looks, each as often as its kind says, beside the turns, which must not wait for plugins' code.

    Args:
        rail: What looks look at.
        kinds: The kinds; those with :attr:`JobKind.wanted` are looked at.
        found: Called when there is something to do.
    """

    def __init__(self, rail: Rail, kinds: Iterable[JobKind], found: Callable[[], None]) -> None:
        self._rail = rail
        self._kinds = [kind for kind in kinds if kind.every is not None and kind.wanted is not None]
        self._found = found
        self._idle = {kind.name for kind in self._kinds}

    @property
    def idle(self) -> AbstractSet[str]:
        """The kinds for which the last look has found nothing, or that have been begun since."""
        return self._idle

    def begun(self, name: str) -> None:
        """Work of a kind has been begun; the next look says whether there is more of it."""
        if any(kind.name == name for kind in self._kinds):
            self._idle.add(name)

    async def go_on(self) -> None:
        """Look, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind in self._kinds:
                group.create_task(self._keep_looking(kind), name=f"dinrail-jobs-look-{kind.name}")

    async def _keep_looking(self, kind: JobKind) -> None:
        assert kind.every is not None
        away = False
        while True:
            try:
                if await self._wanted(kind):
                    self._idle.discard(kind.name)
                    self._found()
                else:
                    self._idle.add(kind.name)
                away = False
            except DinrailError as error:
                _LOG.log(logging.DEBUG if away else logging.WARNING, "'%s' is not looked for: %s", kind.name, error)
                away = True
            except Exception:  # a plugin's code may raise anything, and must not keep others from being looked for
                _LOG.log(logging.DEBUG if away else logging.ERROR, "'%s' is not looked for", kind.name, exc_info=True)
                away = True
            await asyncio.sleep(kind.every)

    async def _wanted(self, kind: JobKind) -> bool:
        assert kind.wanted is not None
        return await kind.wanted(self._rail)
