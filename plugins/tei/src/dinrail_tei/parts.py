"""Requests that are too large for the server, in parts, and their answers put together again."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import orjson

from dinrail_core.errors import UpstreamInvalid

__all__ = ["cut", "each", "joined_embeddings", "read_scores"]

P = TypeVar("P")
R = TypeVar("R")

_AT_ONCE = 8
"""Parts under way at the same time; the server puts into one batch what comes at once."""


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


def joined_embeddings(bodies: Sequence[bytes]) -> bytes:
    """One answer out of those to the parts: vectors numbered on, tokens added up.

    Raises:
        UpstreamInvalid: One of them is no answer to an embedding request.
    """
    try:
        answers = [orjson.loads(body) for body in bodies]
        data: list[dict[str, Any]] = []
        for answer in answers:
            start = len(data)
            data += [{**item, "index": start + item["index"]} for item in answer["data"]]
        usage = {name: sum(answer["usage"][name] for answer in answers) for name in ("prompt_tokens", "total_tokens")}
        return orjson.dumps({**answers[-1], "data": data, "usage": usage})
    except (orjson.JSONDecodeError, AttributeError, LookupError, TypeError):
        raise UpstreamInvalid("The upstream's answer is not that of an embedding model.") from None


def read_scores(text: bytes, count: int) -> list[tuple[int, float]]:
    """Index and score of every document, from a bare array of ``{"index", "score"}``.

    Args:
        text: The answer's body.
        count: How many documents were sent.

    Raises:
        UpstreamInvalid: It is not that, or not one score for each document.
    """
    try:
        scores = [(rank["index"], float(rank["score"])) for rank in orjson.loads(text)]
        if sorted(index for index, _ in scores) != list(range(count)) or not all(math.isfinite(s) for _, s in scores):
            raise ValueError
    except (orjson.JSONDecodeError, LookupError, TypeError, ValueError):
        raise UpstreamInvalid("The upstream's answer is no ranking of the documents that it was given.") from None
    return scores
