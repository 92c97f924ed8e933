from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

import numpy as np
import pytest

from dinrail_core.errors import TooLarge, Unavailable, UpstreamFailed, UpstreamUnavailable
from dinrail_onnx_embeddings.model import SentenceModel, Tokens, Vectors
from dinrail_onnx_embeddings.worker import Worker


class Recorder:
    """Stands in for the model: a text's vector is its first token, and every batch is written down."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.started = threading.Event()
        self.fail_at: int | None = None

    def forward(self, texts: Sequence[Tokens]) -> Vectors:
        self.started.set()
        assert self.go_on.wait(10)
        self.batches.append([len(text) for text in texts])
        if self.fail_at in [text[0] for text in texts]:
            raise RuntimeError("no such token")
        return np.array([[text[0]] for text in texts], np.float32)


@asynccontextmanager
async def working(
    load: Callable[[], object], *, max_batch_tokens: int = 100, max_waiting_tokens: int = 100_000
) -> AsyncIterator[Worker]:
    worker = Worker(
        cast(Callable[[], SentenceModel], load),
        name="recorder",
        max_batch_tokens=max_batch_tokens,
        max_waiting_tokens=max_waiting_tokens,
    )
    async with worker.running():
        yield worker


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


def text(first: int, length: int) -> list[int]:
    return [first] * length


async def test_what_waits_at_the_same_time_shares_batches_of_like_length() -> None:
    model = Recorder()
    async with working(lambda: model) as worker:
        model.go_on.clear()
        first = asyncio.create_task(worker.vectors([text(0, 1)]))
        await until(model.started.is_set)
        others = [asyncio.create_task(worker.vectors([text(n, 5 if n % 2 else 50)])) for n in range(1, 7)]
        await asyncio.sleep(0)
        model.go_on.set()
        results = await asyncio.gather(first, *others)
    assert [[float(row[0]) for row in rows] for rows in results] == [[float(n)] for n in range(7)]
    assert model.batches == [[1], [5, 5, 5], [50], [50], [50]]


async def test_no_batch_is_larger_than_allowed_unless_one_text_is() -> None:
    model = Recorder()
    async with working(lambda: model) as worker:
        lengths = [1, 99, 30, 40, 250, 7, 8, 100, 60]
        await worker.vectors([text(1, length) for length in lengths])
    assert sorted(length for batch in model.batches for length in batch) == sorted(lengths)
    assert all(max(batch) * len(batch) <= 100 or len(batch) == 1 for batch in model.batches)
    assert len(model.batches) < len(lengths)


async def test_a_small_request_does_not_wait_for_a_large_one() -> None:
    model = Recorder()
    async with working(lambda: model) as worker:
        model.go_on.clear()
        large = asyncio.create_task(worker.vectors([text(1, 100)] * 200))
        await until(model.started.is_set)
        small = asyncio.create_task(worker.vectors([text(2, 3)]))
        await asyncio.sleep(0)
        model.go_on.set()
        await small
        assert not large.done()
        assert len(model.batches) < 20
        large.cancel()


async def test_a_cancelled_request_takes_its_texts_out() -> None:
    model = Recorder()
    async with working(lambda: model) as worker:
        model.go_on.clear()
        task = asyncio.create_task(worker.vectors([text(1, 100)] * 200))
        await until(model.started.is_set)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        model.go_on.set()
        await worker.vectors([text(2, 3)])
    assert model.batches == [[100], [3]]


async def test_concurrent_first_uses_share_one_load() -> None:
    loads = []

    def load() -> Recorder:
        loads.append(threading.current_thread().name)
        return Recorder()

    async with working(load) as worker:
        assert loads == []
        await asyncio.gather(*(worker.vectors([text(n, 2)]) for n in range(8)))
    assert len(loads) == 1
    assert loads[0].startswith("dinrail-recorder")


async def test_a_model_that_cannot_be_loaded_says_so_and_is_tried_again() -> None:
    tries: list[object] = [ValueError("not a model"), Recorder()]

    def load() -> object:
        found = tries.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    async with working(load) as worker:
        with pytest.raises(UpstreamUnavailable, match="recorder"):
            await worker.run(lambda model: model)
        assert worker.failure is not None
        assert "not a model" in worker.failure
        await worker.vectors([text(1, 2)])
        assert worker.failure is None


async def test_a_failed_batch_fails_its_own_requests_only() -> None:
    model = Recorder()
    model.fail_at = 1
    async with working(lambda: model, max_batch_tokens=10) as worker:
        bad, good = await asyncio.gather(
            worker.vectors([text(1, 10)]), worker.vectors([text(2, 9)]), return_exceptions=True
        )
    assert isinstance(bad, UpstreamFailed)
    assert isinstance(bad.__cause__, RuntimeError)
    assert not isinstance(good, BaseException)
    assert float(good[0][0]) == 2


async def test_requests_beyond_what_may_wait_are_refused_for_now() -> None:
    model = Recorder()
    async with working(lambda: model, max_waiting_tokens=1000) as worker:
        with pytest.raises(TooLarge):
            await worker.vectors([text(1, 1001)])
        model.go_on.clear()
        first = asyncio.create_task(worker.vectors([text(1, 900)]))
        await until(model.started.is_set)
        with pytest.raises(Unavailable) as caught:
            await worker.vectors([text(2, 101)])
        assert caught.value.retry_after is not None
        assert caught.value.retry_after >= 1
        model.go_on.set()
        await first
        await worker.vectors([text(2, 101)])


async def test_closing_refuses_what_waits_and_unloads_the_model() -> None:
    model = Recorder()
    async with working(lambda: model) as worker:
        model.go_on.clear()
        waiting = [asyncio.create_task(worker.vectors([text(n, 90)])) for n in range(1, 5)]
        await until(model.started.is_set)
        asyncio.get_running_loop().call_later(0.05, model.go_on.set)
    for task in waiting:
        with pytest.raises(Unavailable):
            await task
    with pytest.raises(Unavailable):
        await worker.vectors([text(9, 9)])
    assert worker._model is None
    await until(lambda: not any(thread.name.startswith("dinrail-recorder") for thread in threading.enumerate()))
