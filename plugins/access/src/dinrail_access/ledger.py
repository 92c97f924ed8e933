"""The ledger of limits, in the database."""

from __future__ import annotations

import time

from dinrail_access.buckets import Draw, Ledger, draw
from dinrail_access.slots import HELD_FOR
from dinrail_access.tables import BUCKETS, SERVICE, SLOTS
from dinrail_core.hooks import Rail
from dinrail_sdk.sql.contract import Database, Duplicate
from dinrail_sdk.sql.units import Owned

__all__ = ["DatabaseLedger"]

_TRIES = 3


class DatabaseLedger(Ledger):
    """Keeps buckets as rows; processes and machines share them, and their clocks are taken to agree within seconds.

    Args:
        rail: Where the database is, once somebody's use is limited.
    """

    def __init__(self, rail: Rail) -> None:
        self._rail = rail

    async def draw(self, bucket: str, limit: int, wanted: float, *, owing: bool = False) -> Draw:
        def work(unit: Owned) -> Draw:
            now = time.time()
            row = unit.get(BUCKETS, bucket, lock=True)
            level, filled_at = (float(limit), now) if row is None else (row["level"], row["filled_at"])
            drawn = draw(level, filled_at, now, limit, wanted, owing=owing)
            values = {"level": drawn.level, "filled_at": max(now, filled_at)}
            if row is None:
                unit.insert(BUCKETS, {"id": bucket, **values})
            else:
                unit.update(BUCKETS, values, BUCKETS.c.id == bucket)
            return drawn

        database = await self._rail.service(Database)
        for _ in range(_TRIES - 1):
            try:
                return await database.write(SERVICE, work)
            except Duplicate:
                continue  # another process was first to make the row
        return await database.write(SERVICE, work)

    async def hold(self, bucket: str, holder: str, limit: int, wanted: int) -> tuple[int, int]:
        mine = f"{bucket}:{holder}"

        def work(unit: Owned) -> tuple[int, int]:
            now = time.time()
            # Whoever sets something aside waits for the others to be done with it.
            if unit.get(BUCKETS, bucket, lock=True) is None:
                unit.insert(BUCKETS, {"id": bucket, "level": 0.0, "filled_at": now})
            unit.delete(SLOTS, SLOTS.c.bucket == bucket, (SLOTS.c.until < now) | (SLOTS.c.id == mine))
            others = unit.sum(SLOTS.c.taken, SLOTS.c.bucket == bucket)
            granted = max(0, min(wanted, limit - others))
            if granted:
                unit.insert(SLOTS, {"id": mine, "bucket": bucket, "taken": granted, "until": now + HELD_FOR})
            return granted, others

        database = await self._rail.service(Database)
        for _ in range(_TRIES - 1):
            try:
                return await database.write(SERVICE, work)
            except Duplicate:
                continue
        return await database.write(SERVICE, work)
