from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dinrail_core.api.provider import ModelInfo, ModelSource, State
from dinrail_core.errors import UpstreamUnavailable
from dinrail_core.host import catalog
from dinrail_core.host.catalog import Listing

Answer = Sequence[ModelInfo] | BaseException | Callable[[], Any]


class Source(ModelSource):
    """Answers what the test says, and counts how often it is asked."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked = 0
        self._news = asyncio.Condition()

    def answer(self, *answers: Answer) -> None:
        self._answers = list(answers)

    async def models(self) -> Sequence[ModelInfo]:
        self.asked += 1
        async with self._news:
            self._news.notify_all()
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, BaseException):
            raise answer
        if callable(answer):
            found: Sequence[ModelInfo] = await answer()
            return found
        return answer

    async def asked_times(self, times: int) -> None:
        async with asyncio.timeout(5), self._news:
            await self._news.wait_for(lambda: self.asked >= times)


A, B = ModelInfo("a"), ModelInfo("b")
DOWN = UpstreamUnavailable("It cannot be reached.")


@asynccontextmanager
async def listing(source: ModelSource, every: float = 60.0) -> AsyncIterator[tuple[Listing, list[list[str]]]]:
    """A listing that is not started, and what was listed at each change."""
    changes: list[list[str]] = []
    one = Listing(source, every, lambda: changes.append(sorted(one.models)))
    try:
        yield one, changes
    finally:
        await one.stop()


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_FIRST_RETRY", 0.001)


async def test_before_the_first_look_nothing_is_known() -> None:
    async with listing(Source([A])) as (one, _):
        assert dict(one.models) == {}
        assert one.health is None


async def test_a_look_lists_the_models_by_their_upstream_names() -> None:
    async with listing(Source([A, B])) as (one, changes):
        await one.refresh()
        assert dict(one.models) == {"a": A, "b": B}
        assert one.health is not None
        assert one.health.state is State.READY
        assert changes == [["a", "b"]]


async def test_a_look_that_finds_nothing_new_is_no_change() -> None:
    async with listing(Source([A], [A], [B], [])) as (one, changes):
        for _ in range(4):
            await one.refresh()
        assert changes == [["a"], ["b"], []]


async def test_those_who_ask_at_once_share_one_look() -> None:
    source = Source([A])
    async with listing(source) as (one, _):
        await asyncio.gather(*(one.refresh() for _ in range(100)))
        assert source.asked == 1


async def test_a_fresh_look_is_not_repeated_for_those_who_take_it() -> None:
    source = Source([A])
    async with listing(source) as (one, _):
        await one.refresh()
        await one.refresh(older_than=60)
        assert source.asked == 1
        await one.refresh(older_than=0)
        assert source.asked == 2


async def test_a_look_that_failed_is_a_look_all_the_same() -> None:
    source = Source(DOWN)
    async with listing(source) as (one, _):
        await one.refresh()
        await one.refresh(older_than=60)
        assert source.asked == 1


async def test_who_asks_a_slow_upstream_waits_no_longer_than_he_says_and_the_look_goes_on() -> None:
    release = asyncio.Event()

    async def slow() -> list[ModelInfo]:
        await release.wait()
        return [A]

    async with listing(Source(slow)) as (one, _):
        await one.refresh(within=0.01)
        assert one.health is None
        release.set()
        await one.refresh()
        assert "a" in one.models


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (DOWN, "It cannot be reached."),
        (LookupError("with a secret in it"), "listing its models failed (LookupError)"),
        (SystemExit(1), "listing its models failed (SystemExit)"),
        (None, "listing its models failed (TypeError)"),
        (["a"], "listing its models failed (AttributeError)"),
    ],
    ids=["unreachable", "raises", "exits", "nothing", "no infos"],
)
async def test_an_upstream_that_fails_has_no_models_and_a_reason(answer: Any, reason: str) -> None:
    source = Source([A])
    async with listing(source) as (one, changes):
        await one.refresh()
        source.answer(answer)
        await one.refresh()
        assert dict(one.models) == {}
        assert one.health is not None
        assert (one.health.state, one.health.reason) == (State.UNREACHABLE, reason)
        assert changes == [["a"], []]


async def test_an_upstream_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_ASK_LIMIT", 0.01)
    async with listing(Source(asyncio.Event().wait)) as (one, _):
        await one.refresh(within=5)
        assert one.health is not None
        assert one.health.reason == "listing its models took too long"


async def test_the_models_of_a_dead_upstream_appear_when_it_does(quick_retries: None) -> None:
    source = Source(DOWN, DOWN, DOWN, [A])
    changed = asyncio.Event()
    one = Listing(source, 60.0, changed.set)
    one.start()
    await asyncio.wait_for(changed.wait(), 5)
    assert (list(one.models), source.asked) == (["a"], 4)
    await one.stop()


async def test_pauses_double_while_it_is_dead_and_start_anew_once_it_lived(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    source = Source(DOWN, DOWN, DOWN, DOWN, DOWN, [A], DOWN, DOWN, [A])
    done = asyncio.Event()

    class Clock:
        """Stands for ``asyncio`` in the module: its sleep takes no time and is noted."""

        def __getattr__(self, name: str) -> Any:
            return getattr(asyncio, name)

        async def sleep(self, pause: float) -> None:
            pauses.append(pause)
            if len(pauses) == 9:
                done.set()
                await asyncio.Event().wait()

    monkeypatch.setattr(catalog, "asyncio", Clock())
    one = Listing(source, 6.0, lambda: None)
    one.start()
    await asyncio.wait_for(done.wait(), 5)
    assert pauses == [1, 2, 4, 6, 6, 6.0, 1, 2, 6.0]
    await one.stop()


async def test_starting_does_not_wait_for_the_upstream() -> None:
    source = Source(asyncio.Event().wait)
    async with listing(source) as (one, _):
        one.start()
        assert source.asked == 0
        await source.asked_times(1)


async def test_after_stopping_nobody_is_asked(quick_retries: None) -> None:
    source = Source(DOWN)
    async with listing(source) as (one, _):
        one.start()
        await source.asked_times(2)
    asked = source.asked
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("dinrail-models")]
    assert source.asked == asked


async def test_stopping_cancels_a_look_under_way() -> None:
    cancelled = asyncio.Event()

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    source = Source(slow)
    async with listing(source) as (one, _):
        one.start()
        await source.asked_times(1)
    assert cancelled.is_set()


async def test_a_look_that_will_not_be_cancelled_does_not_hold_up_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_STOP_LIMIT", 0.01)
    release = asyncio.Event()

    async def stubborn() -> list[ModelInfo]:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return []

    source = Source(stubborn)
    async with asyncio.timeout(5), listing(source) as (one, _):
        one.start()
        await source.asked_times(1)
    release.set()
    async with asyncio.timeout(5):
        while [task for task in asyncio.all_tasks() if task.get_name().startswith("dinrail-models")]:
            await asyncio.sleep(0)
