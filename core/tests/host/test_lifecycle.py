from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any

import pytest

from dinrail_core.host import lifecycle
from dinrail_core.host.lifecycle import Opened, OpenError


@pytest.fixture
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "OPEN_LIMIT", 0.05)
    monkeypatch.setattr(lifecycle, "_ABANDONED_LIMIT", 0.04)


def owners() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if task.get_name() == "dinrail-part"]


async def left_alone() -> None:
    """Wait until no owner task is left."""
    async with asyncio.timeout(5):
        while owners():
            await asyncio.wait(owners())


def test_a_plugin_has_ten_seconds() -> None:
    assert lifecycle.OPEN_LIMIT == 10


async def test_what_is_yielded_is_what_open_returns() -> None:
    @asynccontextmanager
    async def enter() -> AsyncIterator[object]:
        yield "value"

    opened = Opened("part", enter)
    assert await opened.open() == "value"
    assert await opened.close() is None
    await left_alone()


async def test_it_is_entered_and_left_in_the_same_task() -> None:
    tasks = []

    @asynccontextmanager
    async def enter() -> AsyncIterator[object]:
        tasks.append(asyncio.current_task())
        async with asyncio.timeout(None):  # refuses to be left in another task
            yield None
        tasks.append(asyncio.current_task())

    opened = Opened("part", enter)
    await asyncio.create_task(opened.open())
    assert await asyncio.create_task(opened.close()) is None
    assert len(tasks) == 2
    assert tasks[0] is tasks[1]


class Panic(BaseException):
    """What a Rust library raises when it panics."""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError("port taken"), "OSError: port taken"),
        (SystemExit(2), "SystemExit: 2"),
        (Panic("index out of bounds"), "Panic: index out of bounds"),
        (ExceptionGroup("group", [OSError("port taken")]), "OSError: port taken"),
    ],
    ids=["raises", "exits", "panics", "group"],
)
async def test_what_is_raised_while_opening_is_the_reason(error: BaseException, words: str) -> None:
    @asynccontextmanager
    async def enter() -> AsyncIterator[object]:
        raise error
        yield None

    opened = Opened("part", enter)
    with pytest.raises(OpenError) as caught:
        await opened.open()
    assert str(caught.value) == f"opening it failed ({words})"
    assert caught.value.__cause__ is error
    assert await opened.close() is None
    await left_alone()


async def test_an_open_that_is_no_context_manager_is_the_reason() -> None:
    opened = Opened("part", lambda: None)  # type: ignore[arg-type,return-value]  # what a careless author might write
    with pytest.raises(OpenError, match="opening it failed"):
        await opened.open()


async def test_an_open_that_raises_before_it_is_entered_is_the_reason() -> None:
    def enter() -> Any:
        raise LookupError("no such thing")

    with pytest.raises(OpenError, match="LookupError: no such thing"):
        await Opened("part", enter).open()


async def test_an_open_that_yields_nothing_is_the_reason() -> None:
    @asynccontextmanager
    async def enter() -> AsyncIterator[object]:
        if len("") > 0:
            yield None

    with pytest.raises(OpenError, match="didn't yield"):
        await Opened("part", enter).open()


async def test_an_open_that_cancels_itself_is_the_reason() -> None:
    @asynccontextmanager
    async def enter() -> AsyncIterator[object]:
        raise asyncio.CancelledError
        yield None

    with pytest.raises(OpenError, match=r"^opening it was cancelled$"):
        await Opened("part", enter).open()


async def test_an_open_that_hangs_is_given_up_and_cancelled(short_limits: None) -> None:
    cancelled = asyncio.Event()

    @asynccontextmanager
    async def enter() -> AsyncIterator[object]:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        yield None

    opened = Opened("part", enter)
    with pytest.raises(OpenError, match=r"^opening it took longer than 0\.05 s$"):
        await opened.open()
    await asyncio.wait_for(cancelled.wait(), 5)
    assert await opened.close() is None
    await left_alone()


async def test_an_open_that_hangs_and_will_not_be_cancelled_holds_nobody_up(short_limits: None) -> None:
    release = asyncio.Event()

    @asynccontextmanager
    async def enter() -> AsyncIterator[object]:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        yield None

    opened = Opened("part", enter)
    with pytest.raises(OpenError):
        await opened.open()
    async with asyncio.timeout(5):
        assert await opened.close() == "closing it took longer than 0.04 s"
    release.set()
    await left_alone()


async def test_a_start_that_is_cancelled_cancels_what_is_being_opened() -> None:
    entered, cancelled = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def enter() -> AsyncIterator[object]:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        yield None

    opened = Opened("part", enter)
    start = asyncio.create_task(opened.open())
    await entered.wait()
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    async with asyncio.timeout(5):
        await cancelled.wait()
        assert await opened.close() is None
    await left_alone()


async def test_a_start_that_is_cancelled_when_it_has_just_been_opened_leaves_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    left = asyncio.Event()

    @asynccontextmanager
    async def enter() -> AsyncIterator[object]:
        start.cancel()
        yield None
        left.set()

    opened = Opened("part", enter)
    start = asyncio.create_task(opened.open())
    with pytest.raises(asyncio.CancelledError):
        await start
    assert await opened.close() is None
    assert left.is_set()
    assert caplog.records == []


@pytest.mark.parametrize("error", [OSError("disk full"), SystemExit(1)], ids=["raises", "exits"])
async def test_what_is_raised_while_closing_is_told_and_logged(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    @asynccontextmanager
    async def enter() -> AsyncIterator[object]:
        yield None
        raise error

    opened = Opened("part", enter)
    await opened.open()
    reason = f"closing it failed ({type(error).__name__}: {error})"
    assert await opened.close() == reason
    assert caplog.messages == [f"part: {reason}"]
    await left_alone()


async def test_a_close_that_hangs_is_given_up_and_cancelled(short_limits: None) -> None:
    cancelled = asyncio.Event()

    @asynccontextmanager
    async def enter() -> AsyncIterator[object]:
        yield None
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    opened = Opened("part", enter)
    await opened.open()
    assert await opened.close() == "closing it took longer than 0.05 s"
    await asyncio.wait_for(cancelled.wait(), 5)
    await left_alone()


async def test_closing_what_was_never_opened_does_nothing() -> None:
    @asynccontextmanager
    async def enter() -> AsyncIterator[object]:
        yield None

    opened = Opened("part", enter)
    assert await opened.close() is None
    await opened.open()
    assert await opened.close() is None
    assert await opened.close() is None


async def test_what_ends_by_itself_tells_why(caplog: pytest.LogCaptureFixture) -> None:
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    crash = asyncio.Event()

    @asynccontextmanager
    async def enter() -> AsyncIterator[object]:
        async def watch() -> None:
            await crash.wait()
            raise OSError("the child died")

        async with asyncio.TaskGroup() as group:
            group.create_task(watch())
            yield None

    opened = Opened("part", enter, ended.set_result)
    await opened.open()
    crash.set()
    assert await asyncio.wait_for(ended, 5) == "it ended (OSError: the child died)"
    await left_alone()
    assert await opened.close() is None
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_closing_it_is_not_ending_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    ended: list[str] = []

    @asynccontextmanager
    async def enter() -> AsyncIterator[object]:
        yield None

    opened = Opened("part", enter, ended.append)
    await opened.open()
    await opened.close()
    await left_alone()
    assert ended == []
    assert caplog.records == []


class Swallows:
    """A context manager that says that no error matters."""

    async def __aenter__(self) -> str:
        return "value"

    async def __aexit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        return True


async def test_a_context_manager_that_swallows_errors_opens_and_closes() -> None:
    opened = Opened("part", Swallows)
    assert await opened.open() == "value"
    assert await opened.close() is None
    await left_alone()
