"""Requests and tokens per minute.

A bucket holds as much as a minute allows, and is filled again evenly. It is kept by a :class:`Ledger` that all
processes share; a process draws from it ahead of need, a little where requests are rare and more where they are many,
so that few requests wait for the ledger and what lies unused in one process is little.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass

from dinrail_core.errors import RateLimited, Unavailable

__all__ = ["Account", "Draw", "Ledger", "MemoryLedger", "draw", "duration"]

_MINUTE = 60.0
_SHARE = 10
"""A process draws at most this part of a minute's worth ahead of need."""
_OFTEN = 1.0
"""Seconds; who draws more often than this draws more at a time."""
_LOCAL = 5.0
"""Seconds for which a process counts by itself once the ledger has failed."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What came of drawing from a bucket.

    Attributes:
        granted: What the process may use from now on.
        level: What is left in the bucket.
    """

    granted: float
    level: float


class Ledger(ABC):
    """Keeps buckets, and sets aside requests under way."""

    @abstractmethod
    async def draw(self, bucket: str, limit: int, wanted: float, *, owing: bool = False) -> Draw:
        """Take something out of a bucket, as much as there is.

        Args:
            bucket: Its name.
            limit: What it holds, and what flows into it in a minute.
            wanted: How much.
            owing: It has been used already: what is not there is owed, and nobody draws until it has flowed in.

        Raises:
            Unavailable: The ledger does not work at present.
        """

    @abstractmethod
    async def hold(self, bucket: str, holder: str, limit: int, wanted: int) -> tuple[int, int]:
        """Set aside room for requests under way, in place of what the holder has set aside before.

        Args:
            bucket: Its name.
            holder: The process.
            limit: How many there may be of all holders.
            wanted: How many; 0 gives all back.

        Returns:
            How many the holder has now, and how many others have.

        Raises:
            Unavailable: The ledger does not work at present.
        """


def draw(level: float, filled_at: float, now: float, limit: int, wanted: float, *, owing: bool = False) -> Draw:
    """A bucket's arithmetic.

    Args:
        level: What it held; less than nothing where something is owed.
        filled_at: When that was, in seconds.
        now: The time; a clock that goes back fills nothing.
        limit: What it holds, and what flows into it in a minute.
        wanted: How much is to be taken.
        owing: See :meth:`Ledger.draw`.
    """
    level = min(float(limit), level + max(0.0, now - filled_at) * limit / _MINUTE)
    granted = wanted if owing else max(0.0, min(wanted, level))
    return Draw(granted, level - granted)


class MemoryLedger(Ledger):
    """A ledger of one process."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}

    async def draw(self, bucket: str, limit: int, wanted: float, *, owing: bool = False) -> Draw:
        now = time.monotonic()
        level, filled_at = self._buckets.get(bucket, (float(limit), now))
        drawn = draw(level, filled_at, now, limit, wanted, owing=owing)
        self._buckets[bucket] = (drawn.level, now)
        return drawn

    async def hold(self, bucket: str, holder: str, limit: int, wanted: int) -> tuple[int, int]:
        return min(wanted, limit), 0


class Account:
    """What one process has drawn for one caller.

    Args:
        ledger: Where it draws from.
        bucket: The bucket's name.
        limit: What a minute allows.
        what: ``requests`` or ``tokens``.
    """

    __slots__ = (
        "_balance",
        "_bucket",
        "_drawing",
        "_drawn_at",
        "_dry_until",
        "_ledger",
        "_level",
        "_local",
        "_local_until",
        "_step",
        "_waiting",
        "_what",
        "limit",
    )

    def __init__(self, ledger: Ledger, bucket: str, limit: int, what: str) -> None:
        self.limit = limit
        self._ledger = ledger
        self._bucket = bucket
        self._what = what
        self._balance = 0.0
        self._level = float(limit)
        self._step = 1.0
        self._drawn_at = float("-inf")
        self._dry_until = float("-inf")
        self._drawing: asyncio.Task[None] | None = None
        self._waiting = 0
        self._local = MemoryLedger()
        self._local_until = float("-inf")

    async def take(self, need: float = 1.0) -> None:
        """Take one, or (``need`` 0) see only that something is left.

        Raises:
            RateLimited: There is nothing left.
        """
        least = need or 1e-9
        if self._balance > 0 and time.monotonic() - self._drawn_at > _MINUTE:
            self._balance = 0.0  # the bucket has been filled since, and this would come on top
        while self._balance < least:
            wait = self._dry_until - time.monotonic()
            if wait > 0:
                raise self._refusal(wait)
            self._waiting += 1
            try:
                await asyncio.shield(self._start_drawing())
            finally:
                self._waiting -= 1
        self._balance -= need
        if self._step > 1 and self._balance < self._step / 2 and time.monotonic() > self._dry_until:
            _ = self._start_drawing()

    def charge(self, amount: float) -> None:
        """Take what has been used already; the balance may fall below nothing, and is made up for later."""
        self._balance -= amount

    async def owe(self, amount: float) -> None:
        """Take what has been used already by work that any process may have done; all of them make up for it."""
        own = min(max(0.0, self._balance), amount)
        self._balance -= own
        drawn = await self._ask(amount - own, owing=True)
        self._level, self._drawn_at = drawn.level, time.monotonic()

    def give_back(self) -> None:
        """Undo a :meth:`take` whose request was refused for another reason."""
        self._balance += 1

    @property
    def remaining(self) -> int:
        """How much is left, as far as this process knows."""
        refilled = min(float(self.limit), self._level + self._since_draw() * self.limit / _MINUTE)
        return max(0, min(self.limit, int(refilled + self._balance + 1e-6)))

    @property
    def reset(self) -> float:
        """Seconds until everything is there again."""
        return (self.limit - self.remaining) * _MINUTE / self.limit

    async def close(self) -> None:
        """Draw no more."""
        if self._drawing is not None:
            self._drawing.cancel()
            await asyncio.wait({self._drawing})

    def _since_draw(self) -> float:
        return min(_MINUTE, time.monotonic() - self._drawn_at)

    def _start_drawing(self) -> asyncio.Task[None]:
        """Draw; those who need something at once share one drawing."""
        if self._drawing is None or self._drawing.done():
            self._drawing = asyncio.create_task(self._draw_once(), name="dinrail-limits")
        return self._drawing

    async def _draw_once(self) -> None:
        await asyncio.sleep(0)  # whoever comes in the same turn of the loop is drawn for as well
        most = max(1.0, self.limit / _SHARE)
        often = time.monotonic() - self._drawn_at < _OFTEN
        self._step = min(most, self._step * 2) if often else max(1.0, self._step // 2)
        wanted = max(self._step, self._waiting) - min(0.0, self._balance)
        whole = self._what == "requests"
        drawn = await self._ask(float(int(wanted)) if whole else wanted)
        granted = drawn.granted
        self._balance += granted
        self._level = drawn.level
        self._drawn_at = now = time.monotonic()
        if self._balance < (1.0 if whole else 1e-9):
            missing = 1.0 - self._balance - drawn.level
            self._dry_until = now + max(0.001, missing * _MINUTE / self.limit)

    async def _ask(self, wanted: float, *, owing: bool = False) -> Draw:
        if time.monotonic() < self._local_until:
            return await self._local.draw(self._bucket, self.limit, wanted, owing=owing)
        try:
            return await self._ledger.draw(self._bucket, self.limit, wanted, owing=owing)
        except Unavailable:
            # A limit that no process can look up is kept by each for itself: better than none, or than no service.
            self._local_until = time.monotonic() + _LOCAL
            return await self._local.draw(self._bucket, self.limit, wanted, owing=owing)

    def _refusal(self, wait: float) -> RateLimited:
        return RateLimited(
            f"Rate limit reached: {self.limit} {self._what} per minute. Try again in {duration(wait)}.",
            retry_after=wait,
        )


def duration(seconds: float) -> str:
    """A time as OpenAI's headers write it: ``120ms``, ``1.5s``, ``6m0s``, ``1h2m3s``."""
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))}ms"
    if seconds < _MINUTE:
        return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{f'{hours}h' if hours else ''}{minutes}m{rest}s"
