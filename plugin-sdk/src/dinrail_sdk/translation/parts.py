"""Requests that are too large for an upstream, in parts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

__all__ = ["cut", "each"]

P = TypeVar("P")
R = TypeVar("R")

_AT_ONCE = 8
"""Parts under way at the same time."""


def cut(items: Sequence[P], size: int) -> list[Sequence[P]]:
    """``items`` in order, in parts of ``size``, the last perhaps shorter."""
    return [items[start : start + size] for start in range(0, len(items), size)]


async def each(ask: Callable[[P], Awaitable[R]], parts: Sequence[P]) -> list[R]:
    """Ask for every part, some at once; the answers in the parts' order.

    Raises:
        DinrailError: The first error of any part; what is under way is given up.
    """
    if len(parts) == 1:
        return [await ask(parts[0])]
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(part: P) -> R:
        async with room:
            return await ask(part)

    tasks = [asyncio.ensure_future(one(part)) for part in parts]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
