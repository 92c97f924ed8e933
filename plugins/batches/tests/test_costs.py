"""What batches cost, and what other requests notice of them: figures, printed with ``-s``."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from desk import Desk, Model, chat_line
from openai import AsyncOpenAI
from serving import ModelServer, Process, model_server, write_configuration

LINES = 10_000
MIB = 1024 * 1024

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]


@asynccontextmanager
async def running(
    database: dict[str, Any], folder: Path, seconds: float
) -> AsyncIterator[tuple[Process, ModelServer, aiohttp.ClientSession]]:
    async with model_server(seconds) as model:
        write_configuration(folder, model.url, database.get("services", {}))
        process = Process(folder)
        await process.start()
        async with aiohttp.ClientSession(process.url + "/") as session:
            yield process, model, session
        assert await process.end(signal.SIGTERM) == 0


def body(number: int) -> dict[str, Any]:
    found: dict[str, Any] = chat_line("", f"Question {number}: " + "why " * 100)["body"]
    return found


async def ask(session: aiohttp.ClientSession, number: int) -> float:
    """Ask a chat, and return the seconds that it took."""
    begun = time.perf_counter()
    async with session.post("chat/completions", json=body(number)) as answer:
        await answer.read()
        assert answer.status == 200
    return time.perf_counter() - begun


async def ask_all(session: aiohttp.ClientSession, numbers: Iterator[int]) -> None:
    for number in numbers:
        await ask(session, number)


async def send(process: Process, lines: int) -> None:
    """Have a batch worked through."""
    async with AsyncOpenAI(base_url=process.url, api_key="none") as client:
        desk = Desk(client, Model())
        batch = await desk.send([chat_line(f"line-{number}", body=body(number)) for number in range(lines)])
        deadline = time.monotonic() + 300
        while (found := await client.batches.retrieve(batch.id)).status not in ("completed", "failed"):
            assert time.monotonic() < deadline
            await asyncio.sleep(2)
        assert found.request_counts is not None
        assert found.request_counts.completed == lines


async def test_a_line_costs_at_most_twice_a_chat_and_memory_is_bounded(
    database_config: dict[str, Any], tmp_path: Path
) -> None:
    async with running(database_config, tmp_path, 0) as (process, _, session):
        await ask_all(session, iter(range(500)))
        before = process.cpu()
        numbers = iter(range(3_000))
        await asyncio.gather(*(ask_all(session, numbers) for _ in range(4)))
        chat = (process.cpu() - before) / 3_000
        await send(process, 500)
        held, before, begun = process.memory(), process.cpu(), time.monotonic()
        await send(process, LINES)
        line, took = (process.cpu() - before) / LINES, time.monotonic() - begun
        grown = process.memory("VmHWM") - held
        figures = f"chat {chat * 1e6:.0f} µs, line {line * 1e6:.0f} µs: {line / chat:.2f}"
        print(f"\n{figures}; {took:.0f} s; {grown / MIB:.0f} MiB more")
        assert line <= 2 * chat
        assert grown < 64 * MIB


async def test_other_requests_feel_little_of_a_batch(database_config: dict[str, Any], tmp_path: Path) -> None:
    """Requests at a steady pace, of a model that takes 50 ms, with and without a batch beside them."""

    async def p99(session: aiohttp.ClientSession, count: int) -> float:
        asked = []
        for number in range(count):
            asked.append(asyncio.create_task(ask(session, number)))
            await asyncio.sleep(0.01)
        return sorted(await asyncio.gather(*asked))[count * 99 // 100 - 1]

    async with running(database_config, tmp_path, 0.05) as (process, _, session):
        await p99(session, 200)
        await send(process, 100)
        alone, beside = [], []
        for _ in range(3):  # the least of three: whatever else the machine does makes it larger
            alone.append(await p99(session, 500))
            sending = asyncio.create_task(send(process, 800))
            await asyncio.sleep(1)
            beside.append(await p99(session, 500))
            assert not sending.done(), "the batch was over too soon"
            await sending
        ratio = min(beside) / min(alone)
        print(f"\np99 alone {min(alone) * 1000:.1f} ms, beside a batch {min(beside) * 1000:.1f} ms: {ratio:.3f}")
        assert ratio < 1.2
