"""Memory: at rest, and with many streams held open; and whether what was held is let go."""

from __future__ import annotations

import asyncio
import json
import statistics

from benchmarks import payloads
from benchmarks.bench import Bench
from benchmarks.client import Connection, post
from benchmarks.loads import WrongAnswer, first_answer, model_id
from benchmarks.processes import Process
from benchmarks.report import Result

__all__ = ["measure_held_streams", "measure_idle_memory"]

_MIB = 1024 * 1024
_SETTLE = 1.0
"""Seconds of rest before memory is read."""


async def measure_idle_memory(bench: Bench) -> list[Result]:
    """Memory of the process tree that has answered one chat and then rested."""
    samples, resident = [], []
    for number in range(bench.rounds):
        async with bench.server.start(bench.folder) as process:
            await first_answer(process.url)
            await asyncio.sleep(_SETTLE)
            usage = process.memory()
        samples.append(usage.pss / _MIB)
        resident.append(usage.rss / _MIB)
        bench.say(f"round {number + 1}: idle {samples[-1]:.1f} MiB")
    return [
        Result(
            name="idle-memory",
            title="idle memory (PSS), no local models",
            unit="MiB",
            limit=70.0,
            measured=statistics.median(samples),
            note=f"resident, shared pages in full: {statistics.median(resident):.1f} MiB",
            samples=samples,
        )
    ]


async def measure_held_streams(bench: Bench) -> list[Result]:
    """Memory per stream that is held open, and how many upstream connections are left 3 s after all clients left.

    Once a run, since a thousand streams are their own average.
    """
    count = bench.amount(1000)
    async with bench.relay.start(bench.folder) as process:
        await first_answer(process.url)
        relay, _ = await _hold(bench, process, count, patience=0.0)
    async with bench.server.start(bench.folder) as process:
        await first_answer(process.url)
        server, closed = await _hold(bench, process, count)
    return [
        Result(
            name="held-streams",
            title=f"memory per held stream (PSS), {count} of them",
            unit="KiB",
            limit=40.0,
            measured=server / 1024,
            note=f"the relay: {relay / 1024:.1f} KiB",
        ),
        Result(
            name="upstreams-closed",
            title=f"upstreams closed 3 s after {count} clients left",
            unit="",
            limit=count,
            at_least=True,
            measured=closed,
        ),
    ]


async def _hold(bench: Bench, process: Process, count: int, patience: float = 3.0) -> tuple[float, int]:
    """Hold so many streams; returns the bytes that each takes, and how many upstreams were closed in time."""
    request = post("/v1/chat/completions", payloads.chat_request(model_id(payloads.HELD_MODEL), stream=True))
    await asyncio.sleep(_SETTLE)
    before = process.memory().pss
    opened, closed = await _streams(bench.upstream)
    connections = [await Connection.to(process.url) for _ in range(count)]
    try:
        replies = [connection.begin(request) for connection in connections]
        async with asyncio.timeout(60):
            await asyncio.gather(*(connection.begun.wait() for connection in connections))
        await asyncio.sleep(_SETTLE)
        each = (process.memory().pss - before) / count
        held = (await _streams(bench.upstream))[0] - opened
        if held != count:
            raise WrongAnswer(f"{held} streams are held instead of {count}")
        if ended := sum(reply.done() for reply in replies):
            raise WrongAnswer(f"{ended} of {count} streams have ended by themselves")
    finally:
        for connection in connections:
            connection.close()
    loop = asyncio.get_running_loop()
    left_at = loop.time()
    gone = 0
    while gone < count and loop.time() - left_at < patience:
        await asyncio.sleep(0.05)
        gone = (await _streams(bench.upstream))[1] - closed
    return each, gone


async def _streams(upstream: Process) -> tuple[int, int]:
    async with await Connection.to(upstream.url) as connection:
        reply = await connection.begin(b"GET /streams HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
    counts = json.loads(reply.body)
    return counts["opened"], counts["closed"]
