"""The ledger in the database, loaded when the first caller comes whose use is limited."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dinrail_access.buckets import Draw, Ledger
from dinrail_core.hooks import Rail

if TYPE_CHECKING:
    from dinrail_access.ledger import DatabaseLedger

__all__ = ["LazyLedger"]


class LazyLedger(Ledger):
    """Stands before the ledger, so that a server without limits never loads an ORM.

    Args:
        rail: Where the database is.
    """

    def __init__(self, rail: Rail) -> None:
        self._rail = rail
        self._ledger: Ledger | None = None

    async def draw(self, bucket: str, limit: int, wanted: float, *, owing: bool = False) -> Draw:
        return await (self._ledger or await self._loaded()).draw(bucket, limit, wanted, owing=owing)

    async def hold(self, bucket: str, holder: str, limit: int, wanted: int) -> tuple[int, int]:
        return await (self._ledger or await self._loaded()).hold(bucket, holder, limit, wanted)

    async def _loaded(self) -> Ledger:
        kind = await asyncio.to_thread(_implementation)
        self._ledger = self._ledger or kind(self._rail)
        return self._ledger


def _implementation() -> type[DatabaseLedger]:
    """The ledger; importing it brings SQLAlchemy, which takes too long for the event loop."""
    from dinrail_access.ledger import DatabaseLedger

    return DatabaseLedger
