from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from dinrail_core.errors import InvalidRequest, Unavailable, UpstreamFailed, UpstreamUnavailable
from dinrail_transformers.worker import Worker


def worker(load: Callable[[], str] = lambda: "model", most: int = 2) -> Worker[str]:
    return Worker(load, name="tiny", most=most)


async def test_a_model_is_loaded_once_at_its_first_use_in_its_own_thread() -> None:
    loads: list[str] = []

    def load() -> str:
        loads.append(threading.current_thread().name)
        return "model"

    tiny = worker(load, most=9)
    async with tiny.running():
        assert loads == []
        with tiny.place() as turn:
            assert await asyncio.gather(*(turn.run(str.upper) for _ in range(3))) == ["MODEL"] * 3
    assert len(loads) == 1
    assert loads[0].startswith("dinrail-tiny")
    assert tiny.model is None


async def test_more_than_may_wait_is_refused_for_now() -> None:
    tiny = worker()
    async with tiny.running():
        with tiny.place() as first, tiny.place():
            with pytest.raises(Unavailable) as caught:
                tiny.admit()
            assert caught.value.retry_after is not None
            first.give_up()
            tiny.admit().give_up()


async def test_what_was_given_up_before_its_turn_is_not_begun() -> None:
    tiny = worker()
    begun: list[str] = []
    async with tiny.running():
        with tiny.place() as turn:
            turn.give_up()
            with pytest.raises(Unavailable):
                await turn.run(begun.append)
    assert begun == []


async def test_a_model_that_cannot_be_loaded_says_why_and_is_tried_again() -> None:
    tries: list[Exception | None] = [OSError("no such repository"), RuntimeError("CUDA out of memory."), None]

    def load() -> str:
        failure = tries.pop(0)
        if failure is not None:
            raise failure
        return "model"

    tiny = worker(load)
    async with tiny.running():
        with tiny.place() as turn:
            with pytest.raises(UpstreamUnavailable, match="could not be loaded"):
                await turn.run(str)
            assert "no such repository" in (tiny.failure or "")
            with pytest.raises(UpstreamUnavailable, match="the memory does not suffice"):
                await turn.run(str)
            assert await turn.run(str) == "model"
            assert tiny.failure is None


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (ValueError("shapes"), UpstreamFailed),
        (MemoryError(), UpstreamUnavailable),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."), UpstreamUnavailable),
        (InvalidRequest("No.", param="x"), InvalidRequest),
    ],
)
async def test_a_step_that_fails_is_told_in_our_words(failure: Exception, kind: type[Exception]) -> None:
    def fail(_: str) -> None:
        raise failure

    tiny = worker()
    async with tiny.running():
        with tiny.place() as turn:
            with pytest.raises(kind):
                await turn.run(fail)
            assert await turn.run(str) == "model"


async def test_closing_gives_everything_up_and_waits_for_the_step_that_runs() -> None:
    tiny = worker()
    turns = []
    async with tiny.running():
        turn = tiny.admit()
        turns.append(turn)
        began = threading.Event()

        def endless(_: str) -> str:
            began.set()
            while not turn.given_up:
                threading.Event().wait(0.001)
            return "stopped"

        running = asyncio.ensure_future(turn.run(endless))
        waiting = asyncio.ensure_future(tiny.admit().run(str))
        await asyncio.to_thread(began.wait, 5)
    assert await running == "stopped"
    with pytest.raises(Unavailable):
        await waiting
    with pytest.raises(Unavailable):
        await turn.run(str)  # a request has several steps, and the thread is gone
    with pytest.raises(Unavailable):
        tiny.admit()
