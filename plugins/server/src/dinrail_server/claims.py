"""The claim of an idempotency key while its request is carried out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

from dinrail_core.api.answers import Stream
from dinrail_core.api.idempotency import Claim, IdempotencyKeys, Kept
from dinrail_core.errors import RequestError, Unavailable

__all__ = ["Held"]

_LOG = logging.getLogger("dinrail.server")


class Held:
    """A claim, renewed until it is settled.

    Args:
        keys: Whose claim it is.
        claim: The claim.
        begin: Has something done beside the request.
    """

    def __init__(self, keys: IdempotencyKeys, claim: Claim, begin: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        self.claim = claim
        self._keys = keys
        self._begin = begin
        self._settled = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._renewal = loop.call_later(keys.renewal, lambda: begin(self._renew()))

    @asynccontextmanager
    async def until_settled(self) -> AsyncIterator[None]:
        """Lets go of the claim where what stands below fails before it is settled."""
        try:
            yield
        except RequestError:
            # Nothing was made by this try, so that the request may be mended and sent again with its key.
            if self._settle():
                await self._keys.release(self.claim, begun=False)
            raise
        except BaseException:
            self._drop()
            raise

    async def keep(self, answer: Kept | None) -> None:
        """The request has been carried out; see :meth:`IdempotencyKeys.keep`."""
        self._settle()
        try:
            await self._keys.keep(self.claim, answer)
        except Unavailable as error:
            # It has been carried out, and that is what the client must know; another try would find what was made.
            _LOG.warning("request %s: its answer could not be kept: %s", self.claim.call.request_id, error)

    def watched(self, stream: Stream[Any], is_made: Callable[[], Awaitable[bool]]) -> Stream[Any]:
        """The same stream; that it has come to its end is kept before its reader learns of it.

        Args:
            stream: What is told as the request is carried out.
            is_made: Whether it has made what it was to make, once it has ended.
        """

        async def reads() -> AsyncGenerator[bytes, None]:
            async with self.until_settled(), aclosing(stream.reads()) as source:
                async for read in source:
                    yield read
                if await is_made():
                    await self.keep(None)

        async def close() -> None:
            try:
                await stream.aclose()
            finally:
                self._drop()  # it may never have been begun, or have made nothing

        return Stream(stream.wire, reads=reads(), headers=stream.headers, close=close, made=stream.made)

    def _drop(self) -> None:
        """Let the next try look for what this one may have made; beside, as the client may have left."""
        if self._settle():
            self._begin(self._keys.release(self.claim, begun=True))

    def _settle(self) -> bool:
        """Renew no more; whether that is new."""
        if self._settled.is_set():
            return False
        self._settled.set()
        self._renewal.cancel()
        return True

    async def _renew(self) -> None:
        while not self._settled.is_set():
            await self._keys.renew(self.claim)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._keys.renewal):
                    await self._settled.wait()
