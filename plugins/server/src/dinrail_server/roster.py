"""The providers as they were seen last."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from dinrail_core.api.providers import ProviderStatus
from dinrail_core.hooks.context import Rail

__all__ = ["Roster"]

_FRESH = 2.0
_PATIENCE = 0.3


class Roster:
    """Remembers what the rail said of its providers, so that a readiness probe never waits for a dead upstream.

    Args:
        rail: What is asked.
    """

    def __init__(self, rail: Rail) -> None:
        self._rail = rail
        self._seen: Sequence[ProviderStatus] = ()
        self._seen_at = float("-inf")
        self._look: asyncio.Task[Sequence[ProviderStatus]] | None = None

    async def see(self) -> Sequence[ProviderStatus]:
        """What is known; a new look is waited for no longer than a probe can spare, and goes on behind."""
        if time.monotonic() - self._seen_at < _FRESH:
            return self._seen
        if self._look is None:
            self._look = asyncio.ensure_future(self._rail.providers())
            self._look.add_done_callback(self._keep)
        await asyncio.wait({self._look}, timeout=_PATIENCE)
        return self._seen

    async def close(self) -> None:
        """Look no more."""
        if self._look is not None:
            self._look.cancel()
            await asyncio.wait({self._look})

    def _keep(self, look: asyncio.Future[Sequence[ProviderStatus]]) -> None:
        self._look = None
        if not look.cancelled() and look.exception() is None:
            self._seen, self._seen_at = look.result(), time.monotonic()
