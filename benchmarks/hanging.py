"""Whether calls that hang at one provider are felt by those who ask another."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from benchmarks import payloads
from benchmarks.bench import Bench, spread
from benchmarks.client import Connection, post
from benchmarks.loads import WrongAnswer, first_answer, model_id
from benchmarks.processes import Process
from benchmarks.report import Result
from benchmarks.subjects import RELAY_PROVIDER, dinrail

__all__ = ["HANGING", "measure_hanging"]

HANGING = ("hanging",)

_LIMIT = 1.2
_CALLS = 100
_CLIENTS = 4
_AMOUNT = 10
_TURNS = 100
_SLOW = "slow"
"""The instance whose server never answers."""
_PATIENCE = 10.0


class _Abyss:
    """A server that takes requests and says nothing.

    Attributes:
        url: Where it listens.
        held: How many calls hang.
    """

    def __init__(self) -> None:
        self.url = ""
        self.held = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[_Abyss]:
        """Listen."""
        server = await asyncio.start_server(self._hold, "127.0.0.1", 0)
        async with server:
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
            yield self

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = b"/chat/completions" in await reader.read(65_536)
        self.held += asked
        try:
            while await reader.read(65_536):
                pass
        except ConnectionError:
            pass  # it was left, one way or the other
        finally:
            self.held -= asked
            writer.close()

    async def until(self, held: int) -> None:
        """Wait until so many calls hang.

        Raises:
            WrongAnswer: They do not, within ten seconds.
        """
        until = time.monotonic() + _PATIENCE
        while self.held != held:
            if time.monotonic() > until:
                raise WrongAnswer(f"{self.held} calls hang in place of {held}")
            await asyncio.sleep(0.01)


async def measure_hanging(bench: Bench) -> list[Result]:
    """The 99th percentile of a chat's time while 100 calls to another provider hang, as a multiple of that without.

    Wall time, unlike the other figures: what would be felt is waiting. The same server runs twice, and the calls hang
    at one of both; chats go to one and the other in many short turns, so that what else goes on hits both.
    """
    if bench.bundle is None:
        return []  # something else than our server is measured, and nobody knows how it is told of a second provider
    pairs: list[tuple[float, float]] = []
    async with _Abyss().open() as abyss:
        slow = {"type": RELAY_PROVIDER, "base_url": abyss.url, "models": [payloads.CHAT_MODEL]}
        subjects = [
            dinrail(bench.upstream, bench.folder, name=name, data=name, more={_SLOW: slow})
            for name in ("alone", "beside")
        ]
        for number in range(bench.rounds):
            async with AsyncExitStack() as stack:
                alone, beside = [await stack.enter_async_context(one.start(bench.folder)) for one in subjects]
                for process in (alone, beside):
                    await first_answer(process.url)
                    await _times(process.url, bench.amount(_AMOUNT * _TURNS) // 4)
                await stack.enter_async_context(_calls_that_hang(beside.url, abyss))
                pairs.append(await _round(bench, alone, beside))
            bench.say(f"round {number + 1}: hanging {pairs[-1][1] / pairs[-1][0]:.2f}")
    ratios = [beside / alone for alone, beside in pairs]
    without, with_them = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
    return [
        Result(
            name="hanging",
            title=f"chat while {_CALLS} calls to another provider hang: p99",
            unit="x",
            limit=_LIMIT,
            measured=statistics.median(ratios),
            note=f"{with_them:.2f} ms against {without:.2f} ms without; rounds {spread(ratios)}",
            samples=ratios,
        )
    ]


async def _round(bench: Bench, alone: Process, beside: Process) -> tuple[float, float]:
    """The 99th percentile in seconds: without calls that hang, and with them."""
    times: dict[int, list[float]] = {alone.pid: [], beside.pid: []}
    for turn in range(bench.amount(_TURNS)):
        for process in (alone, beside) if turn % 2 else (beside, alone):
            times[process.pid] += await _times(process.url, _AMOUNT)
    without, with_them = (statistics.quantiles(times[process.pid], n=100)[98] for process in (alone, beside))
    return without, with_them


@asynccontextmanager
async def _calls_that_hang(url: str, abyss: _Abyss) -> AsyncIterator[None]:
    request = post("/v1/chat/completions", payloads.chat_request(f"{_SLOW}/{payloads.CHAT_MODEL}"))
    async with AsyncExitStack() as stack:
        waiting = []
        for _ in range(_CALLS):
            connection = await stack.enter_async_context(await Connection.to(url))
            waiting.append(connection.begin(request))
        await abyss.until(_CALLS)
        yield
        if any(reply.done() for reply in waiting):
            raise WrongAnswer("a call that was to hang has been answered")
    await asyncio.gather(*waiting, return_exceptions=True)
    await abyss.until(0)


async def _times(url: str, amount: int) -> list[float]:
    """Seconds that each of many chats takes."""
    request = post("/v1/chat/completions", payloads.chat_request(model_id(payloads.CHAT_MODEL)))

    async def client() -> list[float]:
        times = []
        async with await Connection.to(url) as connection:
            for _ in range(amount):
                begun = time.perf_counter()
                reply = await connection.begin(request)
                times.append(time.perf_counter() - begun)
                if reply.status != 200:
                    raise WrongAnswer(f"{reply.status} {reply.body[:200]!r}")
        return times

    return [seconds for times in await asyncio.gather(*(client() for _ in range(_CLIENTS))) for seconds in times]
