"""Telling one form from another by what its parts hold; boundaries are another at every try."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace

from dinrail_core.hooks.http import Part

__all__ = ["Digest", "digested"]


class Digest:
    """Takes in a request bit by bit.

    Args:
        head: What it begins with.

    Attributes:
        then: What is awaited when all of it has been taken in, before whoever reads it comes to know that it has ended.
        complete: Whether that is so.
    """

    then: Callable[[bytes], Awaitable[None]] | None = None
    complete = False

    def __init__(self, head: bytes) -> None:
        self._whole = hashlib.sha256()
        self.add(head)

    def add(self, data: bytes) -> None:
        """Take in a piece, which is told from what stands beside it."""
        self._whole.update(len(data).to_bytes(8))
        self._whole.update(data)

    def value(self) -> bytes:
        """The digest of all there was."""
        return self._whole.digest()


async def digested(parts: AsyncGenerator[Part, None], digest: Digest) -> AsyncGenerator[Part, None]:
    """The same parts, taken in as they are read."""
    async with aclosing(parts):
        async for part in parts:
            for text in (part.name, part.filename or "", part.content_type or ""):
                digest.add(text.encode("utf-8", "surrogateescape"))
            yield replace(part, content=_watched(part.content, digest))
    if digest.then is not None:
        await digest.then(digest.value())
    digest.complete = True


async def _watched(content: AsyncIterator[bytes], digest: Digest) -> AsyncGenerator[bytes, None]:
    found = hashlib.sha256()
    async for piece in content:
        found.update(piece)
        yield piece
    digest.add(found.digest())
