from __future__ import annotations

import asyncio
import time

from dinrail_sdk.testing import LoopWatch


def _block(seconds: float) -> None:
    time.sleep(seconds)


async def test_a_sleep_on_the_loop_is_measured_and_located() -> None:
    async with LoopWatch() as watch:
        _block(0.15)
    assert 0.12 < watch.longest < 1.0
    assert "_block" in watch.where


async def test_computing_on_the_loop_is_measured() -> None:
    async with LoopWatch() as watch:
        until = time.thread_time() + 0.15
        while time.thread_time() < until:
            sum(range(100))
    assert watch.longest > 0.1


async def test_waiting_is_not_blocking() -> None:
    found = []
    for _ in range(3):  # a busy machine can stop any thread
        async with LoopWatch() as watch:
            await asyncio.gather(*(asyncio.sleep(0.1) for _ in range(10)), asyncio.to_thread(_block, 0.1))
        found.append(watch.longest)
    assert min(found) < 0.05


async def test_the_watch_is_over_when_it_is_left() -> None:
    async with LoopWatch() as watch:
        pass
    before = watch.longest
    _block(0.1)
    await asyncio.sleep(0.02)
    assert watch.longest == before
