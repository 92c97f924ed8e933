"""Limits of an instance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.models import Model
from dinrail_core.errors import DinrailError, InvalidRequest, RateLimited, Unavailable, UpstreamFailed, UpstreamTimeout
from dinrail_core.host.dispatch import gate as gate_module
from dinrail_core.host.dispatch.gate import Gate
from dinrail_core.host.dispatch.settings import LimitSettings

CALL = Call()
ANSWER = Answer(Model, body=b"{}")


class Upstream:
    """Answers when it is let."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.under_way = self.most = self.asked = 0
        self.error: DinrailError | None = None

    async def answer(self, request: object, call: Call) -> Answer[Model]:
        self.asked += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.may_answer.wait()
        finally:
            self.under_way -= 1
        if self.error is not None:
            raise self.error
        return ANSWER

    async def stream(self, request: object, call: Call) -> Stream[Model]:
        return Stream(Model, reads=_nothing())


async def _nothing() -> AsyncGenerator[bytes, None]:
    return
    yield b""


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets time pass."""
    now = [1000.0]
    monkeypatch.setattr(gate_module, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def wait(seconds: float) -> None:
        now[0] += seconds

    return wait


def gate(**limits: Any) -> Gate:
    return Gate("gpu0", LimitSettings(**limits))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def test_no_more_calls_than_allowed_are_under_way_and_all_are_answered(upstream: Upstream) -> None:
    limited = gate(concurrency=3)
    calls = [asyncio.create_task(limited.ask(upstream.answer, None, CALL)) for _ in range(10)]
    await until(lambda: upstream.under_way == 3)
    upstream.may_answer.set()
    assert await asyncio.gather(*calls) == [ANSWER] * 10
    assert upstream.most == 3
    assert limited.busy == 0


async def test_who_came_first_goes_first() -> None:
    limited, order = gate(concurrency=1), list[int]()

    async def answer(request: int, call: Call) -> Answer[Model]:
        order.append(request)
        await asyncio.sleep(0)
        return ANSWER

    await asyncio.gather(*(limited.ask(answer, number, CALL) for number in range(6)))
    assert order == list(range(6))


async def test_a_stream_keeps_its_place_until_it_is_closed(upstream: Upstream) -> None:
    limited = gate(concurrency=1, wait=0.02)
    stream = await limited.ask(upstream.stream, None, CALL)
    with pytest.raises(Unavailable, match="'gpu0' is busy"):
        await limited.ask(upstream.stream, None, CALL)
    await stream.aclose()
    await stream.aclose()
    assert limited.busy == 0
    await (await limited.ask(upstream.stream, None, CALL)).aclose()


async def test_a_full_queue_is_said_at_once(upstream: Upstream) -> None:
    limited = gate(concurrency=1, queue=0)
    call = asyncio.create_task(limited.ask(upstream.answer, None, CALL))
    await until(lambda: upstream.under_way == 1)
    with pytest.raises(Unavailable) as caught:
        await limited.ask(upstream.answer, None, CALL)
    assert caught.value.retry_after == 1
    upstream.may_answer.set()
    await call


async def test_a_client_that_leaves_takes_nobodys_place(upstream: Upstream) -> None:
    limited = gate(concurrency=1)
    first = asyncio.create_task(limited.ask(upstream.answer, None, CALL))
    await until(lambda: upstream.under_way == 1)
    waiting = [asyncio.create_task(limited.ask(upstream.answer, None, CALL)) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    waiting[1].cancel()
    upstream.may_answer.set()
    outcomes = await asyncio.gather(first, *waiting, return_exceptions=True)
    assert [outcome is ANSWER for outcome in outcomes] == [False, True, False, True]
    assert limited.busy == 0


async def test_a_place_that_comes_as_its_client_leaves_is_handed_on(upstream: Upstream) -> None:
    limited = gate(concurrency=1)
    first = asyncio.create_task(limited.ask(upstream.answer, None, CALL))
    await until(lambda: upstream.under_way == 1)
    second, third = (asyncio.create_task(limited.ask(upstream.answer, None, CALL)) for _ in range(2))
    await asyncio.sleep(0)
    upstream.may_answer.set()
    first.add_done_callback(lambda _: second.cancel())
    assert await asyncio.wait_for(third, 5) is ANSWER
    assert limited.busy == 0


async def test_after_failures_in_a_row_it_is_left_alone_and_then_tried_once(
    upstream: Upstream, clock: Callable[[float], None]
) -> None:
    limited = gate(failures=2, pause=30)
    upstream.may_answer.set()
    upstream.error = UpstreamFailed("down")
    for _ in range(2):
        with pytest.raises(UpstreamFailed):
            await limited.ask(upstream.answer, None, CALL)
    with pytest.raises(Unavailable, match="left alone") as caught:
        await limited.ask(upstream.answer, None, CALL)
    assert (upstream.asked, caught.value.retry_after) == (2, 30)
    clock(31)
    upstream.error = UpstreamTimeout("slow")
    with pytest.raises(UpstreamTimeout):
        await limited.ask(upstream.answer, None, CALL)
    with pytest.raises(Unavailable):
        await limited.ask(upstream.answer, None, CALL)
    clock(31)
    upstream.error = None
    assert await limited.ask(upstream.answer, None, CALL) is ANSWER
    assert await limited.ask(upstream.answer, None, CALL) is ANSWER


async def test_one_call_alone_sees_whether_it_has_recovered(upstream: Upstream, clock: Callable[[float], None]) -> None:
    limited = gate(failures=1, pause=30)
    upstream.may_answer.set()
    upstream.error = UpstreamFailed("down")
    with pytest.raises(UpstreamFailed):
        await limited.ask(upstream.answer, None, CALL)
    clock(31)
    upstream.error = None
    upstream.may_answer.clear()
    trying = asyncio.create_task(limited.ask(upstream.answer, None, CALL))
    await until(lambda: upstream.under_way == 1)
    with pytest.raises(Unavailable):
        await limited.ask(upstream.answer, None, CALL)
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)
    upstream.may_answer.set()
    assert await limited.ask(upstream.answer, None, CALL) is ANSWER


async def test_refusals_say_nothing_about_an_upstreams_health(upstream: Upstream) -> None:
    limited = gate(failures=2)
    upstream.may_answer.set()
    for error in (UpstreamFailed("x"), RateLimited("slow down"), UpstreamFailed("x"), InvalidRequest("no")):
        upstream.error = error
        with pytest.raises(type(error)):
            await limited.ask(upstream.answer, None, CALL)
    assert upstream.asked == 4


@pytest.mark.parametrize(("model", "known"), [("qwen-3", True), ("tiny", True), ("gpt", False), ("QWEN-3", False)])
def test_only_models_that_are_named_may_be_used(model: str, known: bool) -> None:
    assert gate(models=("qwen-*", "tiny")).knows(model) is known
    assert gate().knows(model)


@pytest.mark.parametrize(("error", "left_alone"), [(UpstreamFailed("broke off"), True), (InvalidRequest("no"), False)])
async def test_streams_that_break_off_are_failures_in_a_row(error: DinrailError, left_alone: bool) -> None:
    closed = 0

    async def breaking() -> AsyncGenerator[bytes, None]:
        yield b"data: {}\n\n"
        raise error

    async def close() -> None:
        nonlocal closed
        closed += 1

    async def stream(request: object, call: Call) -> Stream[Model]:
        return Stream(Model, reads=breaking(), close=close)

    limited = gate(failures=2, concurrency=1)
    for _ in range(2):
        begun = await limited.ask(stream, None, CALL)
        with pytest.raises(type(error)):
            [read async for read in begun.reads()]
        await begun.aclose()
    assert (closed, limited.busy, limited.closed_for > 0) == (2, 0, left_alone)


async def test_a_stream_that_its_client_leaves_says_nothing(upstream: Upstream) -> None:
    async def endless() -> AsyncGenerator[bytes, None]:
        while True:
            yield b"data: {}\n\n"

    async def stream(request: object, call: Call) -> Stream[Model]:
        return Stream(Model, reads=endless())

    limited = gate(failures=1, concurrency=1)
    begun = await limited.ask(stream, None, CALL)
    await anext(begun.reads())
    await begun.aclose()
    assert (limited.busy, limited.closed_for) == (0, 0.0)
