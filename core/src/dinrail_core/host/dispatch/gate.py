"""How many calls an instance is asked at once, and whether it is asked at all."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from dinrail_core.api.answers import Stream
from dinrail_core.api.call import Call
from dinrail_core.errors import DinrailError, Unavailable
from dinrail_core.host.dispatch.failures import is_ill
from dinrail_core.host.dispatch.settings import LimitSettings

__all__ = ["Gate"]


class Gate:
    """Keeps calls to one instance within its limits.

    A place is taken from the call until its answer is there; that of a stream until the stream is closed. Those who
    wait are let in as they came. After too many failures in a row the instance is left alone; once the pause is over,
    one call goes first, and the others follow when it was answered. A stream is answered by its first piece; one that
    breaks off later is a failure all the same.

    Args:
        name: The instance's name, for errors.
        limits: What the operator allows.
    """

    def __init__(self, name: str, limits: LimitSettings) -> None:
        self._name = name
        self.limits = limits
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._failed = 0
        self._resumes_at = 0.0
        self._trying = False
        self.busy = 0
        """Calls that are under way."""

    @property
    def chooses(self) -> bool:
        """Whether only some of its models may be used."""
        return bool(self.limits.models)

    def knows(self, model: str) -> bool:
        """Whether the instance may be asked for a model."""
        patterns = self.limits.models
        return not patterns or any(fnmatchcase(model, pattern) for pattern in patterns)

    @property
    def closed_for(self) -> float:
        """Seconds for which the instance is left alone; 0 where it may be asked."""
        return max(0.0, self._resumes_at - time.monotonic())

    async def ask(self, method: Callable[[Any, Call], Awaitable[Any]], request: Any, call: Call) -> Any:
        """Ask the instance, as soon as there is a place.

        Raises:
            Unavailable: It is left alone, or there was no place in time.
            DinrailError: What the instance raises.
        """
        first, before = self._look(), self._failed
        try:
            await self._enter(call)
        except BaseException:
            self._trying = self._trying and not first
            raise
        try:
            result = await method(request, call)
        except BaseException as error:
            self._note(first, error)
            self._leave()
            raise
        self._note(first, None)
        if isinstance(result, Stream):
            return self._watched(result, before).also_close(self._leave)
        self._leave()
        return result

    def _look(self) -> bool:
        """See whether it may be asked.

        Returns:
            Whether this is the call that sees whether it has recovered.
        """
        if self.limits.failures is None or self._failed < self.limits.failures:
            return False
        left = self.closed_for
        if left > 0 or self._trying:
            raise Unavailable(
                f"The provider '{self._name}' has failed {self._failed} times in a row and is left alone for a while.",
                retry_after=max(1, round(left)),
            )
        self._trying = True
        return True

    def _note(self, first: bool, error: BaseException | None) -> None:
        """Take note of how a call went; one that its client gave up says nothing."""
        if first:
            self._trying = False
        if error is None:
            self._failed = 0
        elif isinstance(error, DinrailError) and is_ill(error):
            self._failed += 1
            self._resumes_at = time.monotonic() + self.limits.pause
        elif isinstance(error, DinrailError):
            self._failed = 0

    def _watched(self, stream: Stream[Any], before: int) -> Stream[Any]:
        """A stream that has begun, which is good news until it breaks off: then that is one more failure in the row."""
        if self.limits.failures is None:
            return stream
        reads = self._noting(stream.reads(), before)
        return Stream(stream.wire, reads=reads, headers=stream.headers, close=stream.aclose)

    async def _noting(self, source: AsyncGenerator[bytes, None], before: int) -> AsyncGenerator[bytes, None]:
        async with aclosing(source) as reads:
            try:
                async for read in reads:
                    yield read
            except DinrailError as error:
                if is_ill(error):
                    self._failed = max(self._failed, before)
                    self._note(False, error)
                raise

    async def _enter(self, call: Call) -> None:
        most = self.limits.concurrency
        if most is None or (self.busy < most and not self._waiting):
            self.busy += 1
            return
        if len(self._waiting) >= self.limits.queue:
            raise self._full()
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        remaining = call.remaining()
        try:
            async with asyncio.timeout(self.limits.wait if remaining is None else min(self.limits.wait, remaining)):
                await place
        except BaseException as error:
            if place.done() and not place.cancelled():
                self._leave()  # the place came in the very moment in which nobody waited any more
            else:
                self._waiting.remove(place)
            if isinstance(error, TimeoutError):
                raise self._full() from None
            raise

    def _leave(self) -> None:
        """Give the place to the next who waits for one."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self.busy -= 1

    def _full(self) -> Unavailable:
        return Unavailable(
            f"The provider '{self._name}' is busy: {self.limits.concurrency} calls are under way.", retry_after=1
        )

    def through(self, provider: object) -> Callable[[str, Any, Call], Awaitable[Any]]:
        """How a provider's methods are called through this gate."""
        return partial(self._named, provider)

    async def _named(self, provider: object, method: str, request: Any, call: Call) -> Any:
        return await self.ask(getattr(provider, method), request, call)
