"""The thread in which a model is loaded and runs.

One thread for each model: requests take turns in it, in the order in which they came, and the event loop waits for none
of them. A request that nobody waits for any more stops at its next token.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Generic, TypeVar

from dinrail_core.errors import DinrailError, Unavailable, UpstreamFailed, UpstreamUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Turn", "Worker"]

logger = logging.getLogger(__name__)

M = TypeVar("M")
T = TypeVar("T")


class Turn(Generic[M]):
    """A request's place; it is held until the answer has been read, or given up."""

    def __init__(self, worker: Worker[M]) -> None:
        self.given_up = False
        """Whether nobody waits any more; a long step looks at it now and then."""
        self._worker = worker

    async def run(self, step: Callable[[M], T]) -> T:
        """Run a step in the model's thread; loads the model first if need be.

        Raises:
            UpstreamUnavailable: The model cannot be loaded, or the memory does not suffice.
            UpstreamFailed: The model failed.
            Unavailable: The provider is closing.
        """
        self._worker.check(self)
        return await asyncio.get_running_loop().run_in_executor(self._worker.thread, self._worker.step, self, step)

    def give_up(self) -> None:
        """Let others have the place; safe to call again."""
        self.given_up = True
        self._worker.turns.discard(self)


class Worker(Generic[M]):
    """Runs a model in a thread of its own.

    Args:
        load: Loads the model; called in the thread, at the first use.
        name: What the model is called in messages.
        most: How many requests there may be at once.
    """

    def __init__(self, load: Callable[[], M], *, name: str, most: int) -> None:
        self.failure: str | None = None
        """Why the model could not be loaded, if it could not."""
        self.turns: set[Turn[M]] = set()
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"dinrail-{name}")
        self.model: M | None = None
        """The model, once it is loaded."""
        self._load = load
        self._name = name
        self._most = most
        self._closing = False
        self._seconds = 1.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve until the block is left; what waits then is refused, and the model is unloaded."""
        try:
            yield
        finally:
            self._closing = True
            for turn in tuple(self.turns):
                turn.give_up()
            await asyncio.get_running_loop().run_in_executor(self.thread, self._unload)
            self.thread.shutdown(wait=False, cancel_futures=True)

    def admit(self) -> Turn[M]:
        """A place for a request.

        Raises:
            Unavailable: There are too many already, or the provider is closing.
        """
        if self._closing:
            raise self._stopping()
        if len(self.turns) >= self._most:
            wait = max(1.0, round(self._seconds * len(self.turns), 1))
            raise Unavailable(f"{len(self.turns)} requests wait for {self._name} already.", retry_after=wait)
        turn = Turn(self)
        self.turns.add(turn)
        return turn

    @contextmanager
    def place(self) -> Iterator[Turn[M]]:
        """A place until the block is left; see :meth:`admit`."""
        turn = self.admit()
        try:
            yield turn
        finally:
            turn.give_up()

    def check(self, turn: Turn[M]) -> None:
        """See that a turn still counts.

        Raises:
            Unavailable: It was given up, or the provider is closing.
        """
        if self._closing or turn.given_up:
            raise self._stopping()

    def step(self, turn: Turn[M], step: Callable[[M], T]) -> T:
        """In the thread."""
        self.check(turn)
        try:
            if self.model is None:
                self.model = self._loaded()
            began = monotonic()
            result = step(self.model)
            self._seconds = max(0.8 * self._seconds, monotonic() - began)
            return result
        except DinrailError:
            raise
        except Exception as error:  # whatever torch raises belongs to this request; the others go on
            if _is_out_of_memory(error):
                gc.collect()
                message = f"The memory does not suffice for this request to {self._name}; a shorter one may do."
                raise UpstreamUnavailable(message) from error
            logger.exception("%s failed", self._name)
            raise UpstreamFailed(f"The model {self._name} failed ({type(error).__name__}).") from error

    def _loaded(self) -> M:
        began = monotonic()
        try:
            model = self._load()
        except Exception as error:  # the libraries' errors have no common base, and all of them mean: not this model
            if isinstance(error, ImportError):
                reason = f"a library is missing: {error}"
            elif _is_out_of_memory(error):
                reason = "the memory does not suffice for it"
            else:
                reason = f"{type(error).__name__}: {error}"
            self.failure = f"The model {self._name} could not be loaded ({reason})"[:500]
            logger.exception("%s could not be loaded", self._name)
            gc.collect()
            why = reason if _is_out_of_memory(error) else type(error).__name__
            raise UpstreamUnavailable(f"The model {self._name} could not be loaded ({why}).") from error
        self.failure = None
        logger.info("loaded %s in %.2f s", self._name, monotonic() - began)
        return model

    def _unload(self) -> None:
        self.model = None
        gc.collect()

    def _stopping(self) -> Unavailable:
        return Unavailable(f"{self._name} is stopping.")


def _is_out_of_memory(error: BaseException) -> bool:
    """Torch has a class of its own for GPUs alone; on the CPU it is a ``RuntimeError`` that says so."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and ("out of memory" in said or "not enough memory" in said)
    )
