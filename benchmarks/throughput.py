"""Processor time per unit of work, as a multiple of the bare relay's."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from benchmarks.bench import Bench, spread
from benchmarks.loads import Chat, Embeddings, Load, PacedStream, first_answer
from benchmarks.processes import Process
from benchmarks.report import Result

__all__ = ["THROUGHPUT", "Throughput", "measure_throughput"]


@dataclass(frozen=True)
class Throughput:
    """A figure of processor time per unit of work, as a multiple of the relay's.

    Attributes:
        name: The figure's.
        title: The figure's.
        limit: The figure's.
        load: Applied many times a round, to the relay and the server in turns.
    """

    name: str
    title: str
    limit: float
    load: Load


THROUGHPUT = (
    Throughput("chat", "chat 1 KB, 16 clients: CPU per request", 1.3, Chat(16, 150)),
    Throughput("stream", "stream, 32 clients at 50 chunks/s: CPU per chunk", 1.3, PacedStream(32, 75)),
    Throughput("embeddings-float", "embeddings 32 x 1024 as numbers: CPU per request", 1.3, Embeddings(4, 30, "float")),
    Throughput(
        "embeddings-base64", "embeddings 32 x 1024 in base64: CPU per request", 1.3, Embeddings(4, 60, "base64")
    ),
)


async def measure_throughput(bench: Bench, wanted: Sequence[Throughput]) -> list[Result]:
    """Take the figures of CPU per unit of work.

    Each round starts both processes anew, since where things lie in memory makes one process a few per cent faster than
    the next. Within a round the two take many short turns, in an order (A B B A A B B A) in which even drift cancels.
    """
    pairs: dict[str, list[tuple[float, float]]] = {figure.name: [] for figure in wanted}
    for number in range(bench.rounds):
        async with AsyncExitStack() as stack:
            relay = await stack.enter_async_context(bench.relay.start(bench.folder))
            server = await stack.enter_async_context(bench.server.start(bench.folder))
            for process in (relay, server):
                await first_answer(process.url)
            for figure in wanted:
                load = replace(figure.load, amount=bench.amount(figure.load.amount))
                for process in (relay, server):
                    await replace(load, amount=max(3, load.amount // 10)).run(process.url)
                turns: dict[int, list[float]] = {relay.pid: [], server.pid: []}
                for process in (relay, server, server, relay) * 2:
                    turns[process.pid].append(await _cost(process, load))
                pair = (statistics.fmean(turns[relay.pid]), statistics.fmean(turns[server.pid]))
                pairs[figure.name].append(pair)
                bench.say(f"round {number + 1}: {figure.name} {pair[1] / pair[0]:.2f}")
    return [_ratio(figure, pairs[figure.name]) for figure in wanted]


async def _cost(process: Process, load: Load) -> float:
    """Seconds of processor time per unit of work."""
    before = process.cpu()
    units = await load.run(process.url)
    return (process.cpu() - before) / units


def _ratio(figure: Throughput, pairs: Sequence[tuple[float, float]]) -> Result:
    ratios = [server / relay for relay, server in pairs]
    relay, server = (statistics.median(column) * 1e6 for column in zip(*pairs, strict=True))
    return Result(
        name=figure.name,
        title=figure.title,
        unit="x",
        limit=figure.limit,
        measured=statistics.median(ratios),
        note=f"{server:.0f} µs against {relay:.0f} µs a {figure.load.unit}; rounds {spread(ratios)}",
        samples=ratios,
    )
