"""The thread in which the model runs, and the batches that it is fed with.

Everything about the queue happens on the event loop, so there are no locks; everything that computes happens in one
thread of our own, in steps of some tens of milliseconds, so that concurrent requests take turns.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from dinrail_core.errors import DinrailError, TooLarge, Unavailable, UpstreamFailed, UpstreamUnavailable

if TYPE_CHECKING:
    from dinrail_onnx_embeddings.model import SentenceModel, Tokens, Vector

__all__ = ["Worker"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

_BATCHES_AHEAD = 4
"""How many batches are planned at once: texts of like length are found among them, and a newcomer waits for them."""


@dataclass(eq=False, slots=True)
class _Job:
    """The texts of one request.

    Attributes:
        texts: Their tokens.
        order: Indices of the texts that are not in a batch yet, the shortest last.
        vectors: What has been computed.
        left: How many vectors are missing.
        done: Resolved with the vectors; cancelled when nobody waits any more.
    """

    texts: Sequence[Tokens]
    order: list[int]
    vectors: list[Vector | None]
    left: int
    done: asyncio.Future[list[Vector]]


class Worker:
    """Runs a model in a thread of its own.

    Args:
        load: Loads the model; called in the thread, at the first use.
        name: What the model is called in messages.
        max_batch_tokens: The most tokens of a batch, padding included; a longer text makes a batch alone.
        max_waiting_tokens: When more than this waits, requests are refused.
    """

    def __init__(
        self, load: Callable[[], SentenceModel], *, name: str, max_batch_tokens: int, max_waiting_tokens: int
    ) -> None:
        self.failure: str | None = None
        """Why the model could not be loaded, if it could not."""
        self._load = load
        self._name = name
        self._max_batch_tokens = max_batch_tokens
        self._max_waiting_tokens = max_waiting_tokens
        self._model: SentenceModel | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"dinrail-{name}")
        self._jobs: set[_Job] = set()
        self._turns: deque[_Job] = deque()
        self._waiting_tokens = 0
        self._seconds_per_token = 0.0
        self._wake = asyncio.Event()
        self._closing = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve until the block is left; what waits then is refused, and the model is unloaded."""
        pump = asyncio.create_task(self._pump(), name=f"batches of {self._name}")
        try:
            yield
        finally:
            self._closing = True
            pump.cancel()
            await asyncio.wait([pump])
            for job in self._jobs:
                if not job.done.done():
                    job.done.set_exception(self._stopping())
            # Behind the batch that the thread may be in; without waiting, the loop could close under it.
            await asyncio.get_running_loop().run_in_executor(self._thread, self._unload)
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def run(self, step: Callable[[SentenceModel], T]) -> T:
        """Run a short step in the thread, between batches; loads the model first if need be.

        Raises:
            UpstreamUnavailable: The model cannot be loaded.
            Unavailable: The worker is stopping.
        """
        if self._closing:
            raise self._stopping()
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._step, step)

    async def tokenize(self, texts: Sequence[str], most: int | None = None) -> list[Tokens]:
        """The tokens of each text, or the first ``most``; give it no more text at once than others should wait for."""
        return await self.run(lambda model: [tokens[:most] for tokens in model.tokenize(texts)])

    async def vectors(self, texts: Sequence[Tokens]) -> list[Vector]:
        """Embed tokenized texts, in batches shared with whoever else waits; cancelling takes them out.

        Raises:
            TooLarge: The texts together have more tokens than may wait.
            Unavailable: Too much waits already, or the worker is stopping.
            UpstreamFailed: The model failed.
        """
        if not texts:
            return []
        tokens = sum(map(len, texts))
        self._admit(tokens)
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]), reverse=True)
        done: asyncio.Future[list[Vector]] = asyncio.get_running_loop().create_future()
        job = _Job(texts, order, [None] * len(texts), len(texts), done)
        self._jobs.add(job)
        self._turns.append(job)
        self._waiting_tokens += tokens
        self._wake.set()
        try:
            return await done
        finally:
            self._jobs.discard(job)
            self._waiting_tokens -= tokens

    def _admit(self, tokens: int) -> None:
        if self._closing:
            raise self._stopping()
        if tokens > self._max_waiting_tokens:
            raise TooLarge(f"The texts have {tokens} tokens; one request may have {self._max_waiting_tokens}.")
        if self._waiting_tokens + tokens > self._max_waiting_tokens:
            seconds = max(1.0, round(self._waiting_tokens * self._seconds_per_token, 1))
            raise Unavailable(f"Too much waits for {self._name} at present.", retry_after=seconds)

    async def _pump(self) -> None:
        while True:
            await self._wake.wait()
            while self._turns:
                for batch in self._plan():
                    await self._embed([(job, index) for job, index in batch if not job.done.done()])
            self._wake.clear()

    def _plan(self) -> list[list[tuple[_Job, int]]]:
        """The next few batches: one text of each job in turn, cut into batches of like length."""
        budget = _BATCHES_AHEAD * self._max_batch_tokens
        chosen: list[tuple[_Job, int]] = []
        while self._turns and budget > 0:
            job = self._turns.popleft()
            if job.done.done():
                continue
            index = job.order.pop()
            chosen.append((job, index))
            budget -= _cost(job.texts[index])
            if job.order:
                self._turns.append(job)
        chosen.sort(key=lambda item: len(item[0].texts[item[1]]))
        batches: list[list[tuple[_Job, int]]] = []
        for job, index in chosen:
            if batches and _cost(job.texts[index]) * (len(batches[-1]) + 1) <= self._max_batch_tokens:
                batches[-1].append((job, index))
            else:
                batches.append([(job, index)])
        return batches

    async def _embed(self, batch: list[tuple[_Job, int]]) -> None:
        if not batch:
            return
        texts = [job.texts[index] for job, index in batch]
        started = monotonic()
        try:
            vectors = await self.run(lambda model: model.forward(texts))
        except Exception as error:  # whatever the engine raises belongs to these requests; the others go on
            logger.exception("a batch of %s failed", self._name)
            for job, _ in batch:
                self._fail(job, error)
            return
        self._seconds_per_token = (monotonic() - started) / max(1, sum(map(len, texts)))
        for (job, index), vector in zip(batch, vectors, strict=True):
            job.vectors[index] = vector
            job.left -= 1
            if not job.left and not job.done.done():
                job.done.set_result([vector for vector in job.vectors if vector is not None])

    def _fail(self, job: _Job, error: Exception) -> None:
        if job.done.done():
            return
        failed = error
        if not isinstance(error, DinrailError):
            failed = UpstreamFailed(f"The model {self._name} failed ({type(error).__name__}).")
            failed.__cause__ = error
        job.done.set_exception(failed)

    def _stopping(self) -> Unavailable:
        return Unavailable(f"{self._name} is stopping.")

    def _step(self, step: Callable[[SentenceModel], T]) -> T:
        """In the thread."""
        if self._model is None:
            self._model = self._loaded()
        return step(self._model)

    def _loaded(self) -> SentenceModel:
        started = monotonic()
        try:
            model = self._load()
        except Exception as error:  # the engine's errors have no common base, and all of them mean: not this file
            self.failure = f"The model {self._name} could not be loaded ({type(error).__name__}: {error})"[:500]
            logger.exception("%s could not be loaded", self._name)
            raise UpstreamUnavailable(f"The model {self._name} could not be loaded.") from error
        self.failure = None
        logger.info("loaded %s in %.2f s", self._name, monotonic() - started)
        return model

    def _unload(self) -> None:
        self._model = None


def _cost(text: Tokens) -> int:
    """A text's place in a batch: its tokens, and the two special ones that most models put around it."""
    return len(text) + 2
