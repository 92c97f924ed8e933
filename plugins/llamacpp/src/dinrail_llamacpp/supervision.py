"""The children of one instance: started when they are needed, again when they die, ended with the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from dinrail_core.api.call import Call
from dinrail_core.errors import UpstreamError, UpstreamTimeout, UpstreamUnavailable
from dinrail_llamacpp.found import LocalModel
from dinrail_llamacpp.logs import LogKeeper
from dinrail_llamacpp.running import Address, Limits, Run, reached, settings_for
from dinrail_llamacpp.sharing import Claim, Post, fingerprint
from dinrail_sdk.upstream import Upstream

__all__ = ["Supervised", "Supervisor"]

_STEADY = 10.0
"""Seconds after which a child that dies is not held against the next one."""
_FIRST_DELAY = 1.0
_LONGEST_DELAY = 30.0
_SHORT_WAIT = 2.0
_POLL = 0.05
_DEATH_NOTICE = 0.3


class Supervised:
    """One model and, while it is loaded, its child: our own, or that of another process of the same server.

    Args:
        model: The model.
        folder: The instance's folder.
        limits: How long things may take.
    """

    def __init__(self, model: LocalModel, folder: Path, limits: Limits) -> None:
        self.model = model
        self.run: Run | None = None
        self.leases = 0
        self.used = 0.0
        self._limits = limits
        self._post = Post(folder / "run", model.name)
        self._log = LogKeeper(model.name, folder / "logs" / f"{model.name}.log")
        self._failures = 0
        self._not_before = 0.0
        self._borrowed: tuple[Address, Upstream, AsyncExitStack] | None = None

    @property
    def loaded(self) -> bool:
        """Whether a child of our own is there or on its way."""
        return self.run is not None and not self.run.over.is_set()

    @property
    def failing(self) -> bool:
        """Whether the newest child of our own has died and no other was started since."""
        return self._failures > 0 and not self.loaded

    async def upstream(self, call: Call) -> Upstream:
        """A client of a child that answers, started if need be; callers at the same time share one start.

        Raises:
            UpstreamUnavailable: It cannot be started, or has died so often that it is given some rest.
            UpstreamTimeout: The call's time is up before.
        """
        until = time.monotonic() + self._limits.start
        while True:
            if self.run is not None and self.loaded:
                return await self.run.upstream(call)
            if (wait := self._not_before - time.monotonic()) > 0:
                await _rest(wait)
            elif (claim := self._post.claim()) is not None:
                await self._return_borrowed()
                self._start(claim)
            elif (borrowed := await self._borrow()) is not None:
                return borrowed
            elif time.monotonic() > until:
                raise UpstreamUnavailable("Another process of the server loads the model and does not end.")
            elif call.remaining() == 0.0:
                raise UpstreamTimeout("The model is still being loaded.")
            else:
                await asyncio.sleep(_POLL)

    async def died(self, within: float) -> bool:
        """Whether the newest child is over now, or is so in a moment."""
        if self.run is None:
            return False
        try:
            async with asyncio.timeout(within):
                await self.run.over.wait()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """End the child, where it is ours."""
        await self._return_borrowed()
        if self.run is not None:
            await self.run.close()

    def _start(self, claim: Claim) -> None:
        settings = settings_for(self.model)
        like = fingerprint(settings)
        began = time.monotonic()

        def ready(address: Address) -> None:
            claim.publish(address, like)

        def ended(wanted: bool) -> None:
            claim.release()
            if wanted:
                return
            now = time.monotonic()
            self._failures = 1 if now - began > _STEADY else self._failures + 1
            # The first one to die is replaced at once.
            delay = _FIRST_DELAY * 2 ** (self._failures - 2) if self._failures > 1 else 0.0
            self._not_before = now + min(delay, _LONGEST_DELAY)

        self.run = Run(settings, self._log, self._limits, ready, ended)

    async def _borrow(self) -> Upstream | None:
        """The child of whichever process has the claim, once it says where that is."""
        note = self._post.read()
        if note is None:
            return None
        address, like = note
        if self._borrowed is not None and self._borrowed[0] == address:
            return self._borrowed[1]
        await self._return_borrowed()
        if like != fingerprint(settings_for(self.model)):
            # Another server with other settings uses the same folder: each has its own child.
            self._start(Claim.alone())
            return None
        stack = AsyncExitStack()
        upstream = await stack.enter_async_context(reached(address, self._limits))
        if self._borrowed is not None:
            # Another caller was quicker while this one waited.
            await stack.aclose()
            return self._borrowed[1]
        self._borrowed = (address, upstream, stack)
        return upstream

    async def _return_borrowed(self) -> None:
        borrowed, self._borrowed = self._borrowed, None
        if borrowed is not None:
            await borrowed[2].aclose()


class Supervisor:
    """All local models of an instance.

    Args:
        folder: The instance's folder.
        limits: How long things may take.
        max_loaded: How many children there may be at once.
    """

    def __init__(self, folder: Path, limits: Limits, max_loaded: int | None) -> None:
        self._folder = folder
        self._limits = limits
        self._max_loaded = max_loaded
        self._models: dict[str, Supervised] = {}
        self._changed = asyncio.Condition()

    @property
    def models(self) -> Iterable[Supervised]:
        """Those that were used."""
        return self._models.values()

    @asynccontextmanager
    async def lease(self, model: LocalModel, call: Call) -> AsyncIterator[Upstream]:
        """Use a model; it is not unloaded meanwhile.

        Raises:
            UpstreamUnavailable: It cannot be loaded; or its child died, also where that ends what is done inside.
            UpstreamTimeout: The call's time is up before.
        """
        supervised = await self._of(model)
        supervised.leases += 1
        try:
            await self._make_room(supervised, call)
            upstream = await supervised.upstream(call)
            run = supervised.run
            try:
                yield upstream
            except UpstreamError as error:
                if run is not None and run is supervised.run and await supervised.died(_DEATH_NOTICE):
                    raise UpstreamUnavailable(
                        "The model's process has ended; another one is started with the next request."
                    ) from error
                raise
        finally:
            supervised.leases -= 1
            supervised.used = time.monotonic()
            await self._tell()

    async def close(self) -> None:
        """End all children."""
        await asyncio.gather(*(supervised.close() for supervised in self._models.values()))

    async def _of(self, model: LocalModel) -> Supervised:
        """What supervises a model; a file that was replaced since is another model."""
        known = self._models.get(model.name)
        if known is not None and (known.model == model or known.leases):
            return known
        self._models[model.name] = Supervised(model, self._folder, self._limits)
        if known is not None:
            await known.close()
        return self._models[model.name]

    async def _make_room(self, wanted: Supervised, call: Call) -> None:
        if self._max_loaded is None:
            return
        try:
            async with asyncio.timeout(call.remaining()), self._changed:
                while not wanted.loaded:
                    loaded = [one for one in self._models.values() if one.loaded]
                    if len(loaded) < self._max_loaded:
                        return
                    idle = [one for one in loaded if not one.leases]
                    if idle:
                        await min(idle, key=lambda one: one.used).close()
                    else:
                        await self._changed.wait()
        except TimeoutError:
            raise UpstreamUnavailable("Other models are in use, and no more may be loaded.", retry_after=5.0) from None

    async def _tell(self) -> None:
        if self._max_loaded is not None:
            async with self._changed:
                self._changed.notify_all()


async def _rest(wait: float) -> None:
    """Let a child that died again and again be: for a moment, or with word to the caller."""
    if wait > _SHORT_WAIT:
        raise UpstreamUnavailable("The model's process died several times in a row.", retry_after=wait)
    await asyncio.sleep(wait)
