"""What a chunk costs that is translated from another dialect on its way."""

from __future__ import annotations

import asyncio
import json
import statistics
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from benchmarks import payloads
from benchmarks.bench import Bench, spread
from benchmarks.client import Connection, post
from benchmarks.dialect_upstream import MODEL, dialect_of, said
from benchmarks.loads import Load, WrongAnswer, first_answer
from benchmarks.processes import Process
from benchmarks.report import Result
from benchmarks.subjects import bare_relay, dinrail, start_upstream
from benchmarks.upstream import RATE
from dinrail_sdk.testing.dialects.bedrock import BEDROCK_WIRE

__all__ = ["TRANSLATING", "measure_translating"]

_UPSTREAM = "benchmarks.dialect_upstream"
_LIMIT = 2.5
_CLIENTS = 32
_CHUNKS = 75
_KEY = {"api_key": "sk-of-the-benchmark"}


@dataclass(frozen=True)
class _Dialect:
    """A dialect of the kit, and what the configuration of an instance that speaks it says beside the address."""

    wire: str
    config: Mapping[str, Any]
    addresses: Sequence[str] = ("base_url",)


_DIALECTS = {
    "anthropic": _Dialect("anthropic:ANTHROPIC_WIRE", _KEY),
    "bedrock": _Dialect(
        "bedrock:BEDROCK_WIRE",
        {
            "region": BEDROCK_WIRE.region,
            "access_key_id": BEDROCK_WIRE.key_id,
            "secret_access_key": BEDROCK_WIRE.secret,
        },
        ("base_url", "control_url"),
    ),
    "cohere": _Dialect("cohere:COHERE_WIRE", _KEY),
    "gemini": _Dialect("gemini:GEMINI_WIRE", _KEY),
    "mistral": _Dialect("mistral:MISTRAL_WIRE", _KEY),
    "ollama": _Dialect("ollama:OLLAMA_WIRE", {}),
    "watsonx": _Dialect("watsonx:WATSONX_WIRE", {**_KEY, "project_id": "kit"}, ("base_url", "iam_url")),
}
"""By the types of their providers, which are the names of the instances too."""

TRANSLATING = tuple(f"stream-{name}" for name in _DIALECTS)
"""The figures' names."""


@dataclass(frozen=True)
class TranslatedStream(Load):
    """Streams from one instance, begun as those of :class:`~benchmarks.loads.PacedStream` are."""

    instance: str = ""

    unit = "chunk"

    async def _client(self, url: str, index: int) -> int:
        body = payloads.paced_request(f"{self.instance}/{MODEL}", self.amount)
        async with await Connection.to(url) as connection:
            await asyncio.sleep(index / self.clients / RATE)
            reply = await connection.begin(post("/v1/chat/completions", body))
        frames = reply.body.split(b"\n\n")
        if reply.status != 200 or frames[-2:] != [b"data: [DONE]", b""]:
            raise WrongAnswer(f"{self.instance}: {reply.status} {reply.body[-200:]!r}")
        pieces = [piece for frame in frames[:-2] for piece in _texts(frame)]
        if "".join(pieces) != said(self.amount) or len(pieces) != self.amount:
            raise WrongAnswer(f"{self.instance}: {len(pieces)} pieces, {''.join(pieces)[-100:]!r}")
        return self.amount


def _texts(frame: bytes) -> list[str]:
    choices = json.loads(frame.removeprefix(b"data: "))["choices"]
    return [text for choice in choices if (text := choice["delta"].get("content"))]


async def measure_translating(bench: Bench, names: Sequence[str]) -> list[Result]:
    """Processor time of a translated chunk, as a multiple of what the bare relay takes for one of its own.

    One server has an instance of each dialect; the relay stands before a fake of OpenAI's own. They take turns as in
    :mod:`benchmarks.throughput`, the dialects one after the other there and back.

    Args:
        bench: What all experiments share.
        names: Which of :data:`TRANSLATING`.
    """
    if bench.bundle is None:
        return []  # something else than our server is measured, and nobody knows what it translates
    wanted = [name for name in _DIALECTS if f"stream-{name}" in names]
    costs: dict[str, list[float]] = {name: [] for name in ("relay", *wanted)}
    async with AsyncExitStack() as upstreams:
        plain = await upstreams.enter_async_context(start_upstream(bench.folder, _UPSTREAM, "openai:OPENAI"))
        instances = {name: await _instance(bench, name, upstreams) for name in wanted}
        subject = dinrail(bench.upstream, bench.folder, name="translating", data="translating", more=instances)
        for number in range(bench.rounds):
            async with AsyncExitStack() as stack:
                relay = await stack.enter_async_context(bare_relay(plain).start(bench.folder))
                server = await stack.enter_async_context(subject.start(bench.folder))
                await first_answer(server.url)
                for name, cost in (await _round(bench, relay, server, wanted)).items():
                    costs[name].append(cost)
            bench.say(
                f"round {number + 1}: " + ", ".join(f"{n} {c[-1] / costs['relay'][-1]:.2f}" for n, c in costs.items())
            )
    return [_result(name, costs) for name in wanted]


async def _instance(bench: Bench, name: str, stack: AsyncExitStack) -> dict[str, Any]:
    dialect = _DIALECTS[name]
    process = await stack.enter_async_context(start_upstream(bench.folder, _UPSTREAM, dialect.wire))
    url = process.url + dialect_of(dialect.wire).prefix
    return {"type": name, **dialect.config, **dict.fromkeys(dialect.addresses, url)}


async def _round(bench: Bench, relay: Process, server: Process, wanted: Sequence[str]) -> dict[str, float]:
    """Seconds of processor time per chunk, of the relay and of each dialect."""
    amount = bench.amount(_CHUNKS)
    loads = [(name, server, TranslatedStream(_CLIENTS, amount, name)) for name in wanted]
    loads.insert(0, ("relay", relay, TranslatedStream(_CLIENTS, amount, "relay")))
    for _, process, load in loads:
        await load.run(process.url)  # connections and first calls are no part of a chunk
    turns: dict[str, list[float]] = {name: [] for name, _, _ in loads}
    for name, process, load in [*loads, *reversed(loads)]:
        before = process.cpu()
        units = await load.run(process.url)
        turns[name].append((process.cpu() - before) / units)
    return {name: statistics.fmean(values) for name, values in turns.items()}


def _result(name: str, costs: Mapping[str, Sequence[float]]) -> Result:
    ratios = [cost / relay for cost, relay in zip(costs[name], costs["relay"], strict=True)]
    server, relay = (statistics.median(costs[one]) * 1e6 for one in (name, "relay"))
    return Result(
        name=f"stream-{name}",
        title=f"the same stream translated from {name}: CPU per chunk",
        unit="x",
        limit=_LIMIT,
        measured=statistics.median(ratios),
        note=f"{server:.0f} µs against {relay:.0f} µs a chunk; rounds {spread(ratios)}",
        samples=ratios,
    )
