"""What a response costs that calls no tools: against a relayed chat, with what keeping it adds, and as a stream."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

from benchmarks import payloads
from benchmarks.bench import Bench, spread
from benchmarks.client import Connection, Reply, post
from benchmarks.loads import Chat, Load, WrongAnswer, model_id
from benchmarks.processes import Process
from benchmarks.report import Result

__all__ = ["RESPONDING", "measure_responding"]

_CLIENTS = 16
_AMOUNT = 150
_STREAMS = 2
_CHUNKS = 5_000

RESPONDING = ("response", "response-store", "response-stream")


@dataclass(frozen=True)
class Respond(Load):
    """Responses that are answered whole, one kilobyte each way, kept or not."""

    store: bool = False

    async def _client(self, url: str, index: int) -> int:
        body = payloads.response_request(model_id(payloads.CHAT_MODEL), store=self.store)
        request = post("/v1/responses", body)
        seen = set()
        async with await Connection.to(url) as connection:
            for _ in range(self.amount):
                said = _response(await connection.begin(request), payloads.response_text())
                if said["store"] is not self.store:
                    raise WrongAnswer("It does not say whether it is kept.")
                seen.add(said["id"])
        if len(seen) != self.amount:
            raise WrongAnswer(f"{self.amount} responses have {len(seen)} ids")
        return self.amount


class StreamResponse(Load):
    """Responses that are not kept, told as fast as it goes; the amount is chunks of the upstream, one a word."""

    unit = "event"

    async def _client(self, url: str, index: int) -> int:
        body = payloads.response_request(model_id(payloads.FLAT_MODEL), stream=True, max_tokens=self.amount)
        async with await Connection.to(url) as connection:
            reply = await connection.begin(post("/v1/responses", body))
        *frames, done, rest = reply.body.split(b"\n\n")
        if reply.status != 200 or (done, rest) != (b"data: [DONE]", b""):
            raise WrongAnswer(f"{reply.status} {reply.body[-200:]!r}")
        events = [json.loads(frame.partition(b"\ndata: ")[2]) for frame in frames]
        text = payloads.response_text(self.amount)
        said = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
        numbered = all(event["sequence_number"] == number for number, event in enumerate(events))
        if said != text or not numbered or len(events) < self.amount - 2:
            raise WrongAnswer(f"{len(events)} events say {said[-200:]!r}")
        _check(events[-1]["response"], text)
        return len(events)


async def measure_responding(bench: Bench, wanted: Sequence[str]) -> list[Result]:
    """Processor time of responses without tools.

    A response is measured against a chat of the same size through the bare relay, and one that is kept against one that
    is not; these take their turns as in :mod:`benchmarks.throughput`. A stream costs what its events cost.
    """
    if bench.bundle is None:
        return []  # something else than our server is measured, which need not know responses
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in RESPONDING}
    for number in range(bench.rounds):
        async with AsyncExitStack() as stack:
            relay = await stack.enter_async_context(bench.relay.start(bench.folder))
            server = await stack.enter_async_context(bench.server.start(bench.folder))
            plain = Respond(_CLIENTS, bench.amount(_AMOUNT))
            pairs: dict[str, tuple[tuple[Process, Load], tuple[Process, Load]]] = {
                "response": ((relay, Chat(_CLIENTS, bench.amount(_AMOUNT))), (server, plain)),
                "response-store": ((server, plain), (server, replace(plain, store=True))),
            }
            for name, pair in pairs.items():
                if name in wanted:
                    rounds[name].append(await _in_turns(*pair))
                    bench.say(f"round {number + 1}: {name} {_FIGURES[name].of(*rounds[name][-1]):.2f}")
            if "response-stream" in wanted:
                stream = StreamResponse(_STREAMS, bench.amount(_CHUNKS))
                await _cost(server, replace(stream, amount=max(3, stream.amount // 10)))
                cost = statistics.fmean([await _cost(server, stream) for _ in range(4)])
                rounds["response-stream"].append((0.0, cost))
                bench.say(f"round {number + 1}: response-stream {cost * 1e3:.1f} ms")
    return [_FIGURES[name].result(name, rounds[name]) for name in RESPONDING if name in wanted]


async def _in_turns(one: tuple[Process, Load], other: tuple[Process, Load]) -> tuple[float, float]:
    """Milliseconds of processor time per unit of work, of each."""
    for process, load in (one, other):
        await replace(load, amount=max(3, load.amount // 10)).run(process.url)
    turns: tuple[list[float], list[float]] = ([], [])
    for which in (0, 1, 1, 0) * 2:
        turns[which].append(await _cost(*(one, other)[which]))
    return statistics.fmean(turns[0]), statistics.fmean(turns[1])


async def _cost(process: Process, load: Load) -> float:
    before = process.cpu()
    units = await load.run(process.url)
    return (process.cpu() - before) / units * 1e3


def _response(reply: Reply, text: str) -> dict[str, Any]:
    if reply.status != 200:
        raise WrongAnswer(f"{reply.status} {reply.body[:200]!r}")
    said: dict[str, Any] = json.loads(reply.body)
    _check(said, text)
    return said


def _check(response: dict[str, Any], text: str) -> None:
    said = [part["text"] for item in response["output"] for part in item["content"]]
    if response["status"] != "completed" or said != [text]:
        raise WrongAnswer(json.dumps(response)[:300])


@dataclass(frozen=True)
class _Figure:
    """How the costs of a round become a figure.

    Attributes:
        title: The figure's.
        unit: The figure's.
        limit: The figure's.
        of: The figure, of what the yardstick costs and what is measured costs in milliseconds.
        note: With the medians of both.
    """

    title: str
    unit: str
    limit: float
    of: Callable[[float, float], float]
    note: str

    def result(self, name: str, rounds: Sequence[tuple[float, float]]) -> Result:
        samples = [self.of(*costs) for costs in rounds]
        base, cost = (statistics.median(column) for column in zip(*rounds, strict=True))
        return Result(
            name=name,
            title=self.title,
            unit=self.unit,
            limit=self.limit,
            measured=statistics.median(samples),
            note=f"{self.note.format(base=base, cost=cost)}; rounds {spread(samples)}",
            samples=samples,
        )


_FIGURES = {
    "response": _Figure(
        title=f"response 1 KB that is not kept, {_CLIENTS} clients: CPU against a relayed chat",
        unit="x",
        limit=4.0,
        of=lambda base, cost: cost / base,
        note="{cost:.3f} ms against {base:.3f} ms",
    ),
    "response-store": _Figure(
        title=f"keeping a response, {_CLIENTS} clients: CPU added",
        unit="ms",
        limit=0.3,
        of=lambda base, cost: cost - base,
        note="{cost:.3f} ms against {base:.3f} ms where it is not kept",
    ),
    "response-stream": _Figure(
        title="stream of a response, flat out: CPU for 1,000 events",
        unit="ms",
        limit=40.0,
        of=lambda base, cost: cost * 1e3,
        note="{cost:.4f} ms an event",
    ),
}
