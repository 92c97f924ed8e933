"""The agent loop: the model is asked, its calls are run, and again, until it has answered or a bound is reached.

No HTTP and no storage: events go to the scribe, and what must survive a kill to the ledger.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from time import monotonic
from typing import Protocol

from dinrail_core.errors import ContextLengthExceeded, DinrailError
from dinrail_responses.citations import Citations
from dinrail_responses.reduce import Step
from dinrail_responses.scribe import Scribe
from dinrail_responses.speaker import Speaker
from dinrail_responses.tools.interface import Exchange, Json, ModelCall, Pen, Told
from dinrail_responses.tools.toolbox import Toolbox
from dinrail_responses.usage import UsageSum

__all__ = ["Bounds", "Ledger", "Loop", "NoLedger"]

_NO_MORE_CALLS = "This call was not run: no more calls of tools are allowed."


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far a response may go.

    Attributes:
        turns: How often the model is asked.
        calls: Calls that are run altogether.
        at_once: Calls that run side by side.
        told: Characters of a call's output that the model is told.
        seconds: For everything.
    """

    turns: int = 64
    calls: int = 256
    at_once: int = 8
    told: int = 200_000
    seconds: float = 3600.0


class Ledger(Protocol):
    """Keeps steps that were taken, so that they are not taken again after a kill."""

    def recall(self, step: str) -> Json | None:
        """What is written down about a step that was taken."""

    async def record(self, step: str, result: Json) -> None:
        """Write down that a step was taken, together with all events so far."""


class NoLedger:
    """For a response that ends with its process."""

    def recall(self, step: str) -> Json | None:
        """Nothing was."""
        return None

    async def record(self, step: str, result: Json) -> None:
        """Nothing is."""


class Loop:
    """Makes one response.

    Args:
        scribe: Where it is written.
        speaker: The model.
        toolbox: The tools.
        citations: Marks that tools have given out.
        bounds: How far it may go.
        ledger: Where steps are written down.
        spent: What was spent before it began.
    """

    def __init__(
        self,
        scribe: Scribe,
        speaker: Speaker,
        toolbox: Toolbox,
        citations: Citations,
        *,
        bounds: Bounds,
        ledger: Ledger,
        spent: Json | None = None,
    ) -> None:
        self._scribe = scribe
        self._speaker = speaker
        self._toolbox = toolbox
        self._citations = citations
        self._bounds = bounds
        self._ledger = ledger
        self._usage = UsageSum()
        self._usage.add(spent)
        self._calls = 0
        self._too_many = False
        self._tier: str | None = None

    async def run(self) -> AsyncGenerator[None, None]:
        """Make it; yields whenever there may be new events. In the end the scribe knows how it ended.

        Raises:
            DinrailError: It failed; what was begun is closed.
        """
        ends = monotonic() + self._bounds.seconds
        self._speaker.tell(await self._led())
        self._toolbox.arrange()
        for turn in range(self._bounds.turns):
            left = self._left()
            if left is not None and left < 1:
                self._end("incomplete", "max_output_tokens")
                return
            async with aclosing(self._ask(turn, left)) as asking:
                async for _ in asking:
                    yield
            step = self._speaker.step
            self._count(step)
            if step.reason is not None:
                self._end("incomplete", step.reason)
                return
            if not step.calls:
                self._end("completed")
                return
            async with aclosing(self._run(turn, step)) as running:
                async for _ in running:
                    yield
            if step.waits:
                self._end("completed")
                return
            if self._too_many:
                self._end("incomplete", "max_calls")
                return
            if monotonic() > ends:
                self._end("incomplete", "max_time")
                return
            self._toolbox.relax()
        self._end("incomplete", "max_turns")

    def _end(self, status: str, reason: str | None = None) -> None:
        self._scribe.response["usage"] = self._usage.told()
        self._scribe.response["service_tier"] = self._tier or "default"  # where nobody says so, nothing was preferred
        self._scribe.end(status, reason=reason)

    def _left(self) -> int | None:
        limit = self._scribe.response["max_output_tokens"]
        return None if limit is None else limit - self._usage.output

    def _count(self, step: Step) -> None:
        self._usage.add(step.usage)
        self._scribe.response["usage"] = self._usage.told()
        self._calls += step.hosted
        self._tier = step.service_tier or self._tier

    async def _led(self) -> Sequence[Exchange]:
        """What comes before the model is asked.

        After a kill, lists of tools are asked for once more and not written again; approved calls are not made again.
        """
        known = self._ledger.recall("lead")
        exchanges = await self._toolbox.lead(again=known is not None)
        if known is not None:
            return [_exchange(kept) for kept in known["exchanges"]]
        if exchanges or self._scribe.output:
            await self._ledger.record("lead", {"exchanges": [_kept(exchange) for exchange in exchanges]})
        return exchanges

    async def _ask(self, turn: int, limit: int | None) -> AsyncGenerator[None, None]:
        name = f"model-{turn}"
        known = self._ledger.recall(name)
        if known is not None:
            calls = [ModelCall(**call) for call in known.pop("calls")]
            self._speaker.resume(Step(**known, calls=calls))
            return
        while True:
            try:
                asked = self._speaker.ask(self._scribe, self._toolbox, self._citations, limit)
                async with aclosing(asked) as reads:
                    async for _ in reads:
                        yield
                break
            except ContextLengthExceeded:
                if self._scribe.response["truncation"] != "auto" or not self._speaker.forget():
                    raise
        step = self._speaker.step
        step.calls = [
            replace(call, key=f"{self._scribe.response['id']}:{turn}:{n}") for n, call in enumerate(step.calls)
        ]
        await self._ledger.record(name, _kept_step(step))

    async def _run(self, turn: int, step: Step) -> AsyncGenerator[None, None]:
        """Run a step's calls, side by side where that is allowed."""
        told: list[Exchange | None] = [None] * len(step.calls)
        side_by_side: list[tuple[int, ModelCall]] = []
        alone: list[tuple[int, ModelCall]] = []
        for number, call in enumerate(step.calls):
            refusal = self._refused(call)
            if refusal is not None:
                told[number] = Exchange(call, refusal)
                continue
            parallel = self._scribe.response["parallel_tool_calls"] and self._toolbox.parallel(call)
            (side_by_side if parallel else alone).append((number, call))

        async def one(number: int, call: ModelCall) -> None:
            told[number] = await self._call(f"call-{turn}-{number}", call)

        gate = asyncio.Semaphore(self._bounds.at_once)

        async def all_of_them() -> None:
            async def gated(number: int, call: ModelCall) -> None:
                async with gate:
                    await one(number, call)

            async with asyncio.TaskGroup() as group:
                for number, call in side_by_side:
                    group.create_task(gated(number, call))
            for number, call in alone:
                await one(number, call)

        async with aclosing(self._while_running(all_of_them)) as running:
            async for _ in running:
                yield
        if any(exchange is None for exchange in told):
            step.waits = True
        self._speaker.tell([exchange for exchange in told if exchange is not None])
        limit = self._scribe.response["max_tool_calls"]
        if limit is not None and self._calls >= limit and not step.waits:
            self._toolbox.put_away()

    def _refused(self, call: ModelCall) -> Told | None:
        """What the model is told of a call that is not run."""
        if not self._toolbox.knows(call.name):
            names = ", ".join(sorted(self._toolbox.offers)) or "none"
            return f"There is no tool '{call.name}'. The tools that there are: {names}."
        limit = self._scribe.response["max_tool_calls"]
        if limit is not None and self._calls >= limit:
            return _NO_MORE_CALLS
        if self._calls >= self._bounds.calls:
            self._too_many = True
            return _NO_MORE_CALLS
        self._calls += 1
        return None

    async def _call(self, name: str, call: ModelCall) -> Exchange | None:
        known = self._ledger.recall(name)
        if known is None:
            told = await self._toolbox.run(call, self._pen())
            await self._ledger.record(name, {"told": told, "cited": self._citations.given})
        else:
            told = known["told"]
            self._citations.restore(known["cited"])
        return None if told is None else Exchange(call, self._within(told))

    def _pen(self) -> Pen:
        return self._scribe.pen()

    def _within(self, told: Told) -> Told:
        if isinstance(told, str):
            most = self._bounds.told
            return told if len(told) <= most else f"{told[:most]}\n[{len(told) - most} more characters were cut off]"
        return [
            {**part, "text": self._within(part["text"])} if part.get("type") == "input_text" else part for part in told
        ]

    async def _while_running(self, work: Callable[[], Awaitable[None]]) -> AsyncGenerator[None, None]:
        """Yield whenever there are events, until the work is done; its errors are raised, one alone."""
        news = asyncio.Event()
        heard, self._scribe.heard = self._scribe.heard, news.set
        running = asyncio.ensure_future(work())
        running.add_done_callback(lambda _: news.set())
        try:
            while not running.done():
                await news.wait()
                news.clear()
                yield
            try:
                await running
            except ExceptionGroup as group:
                raise _first(group) from None
            yield
        finally:
            self._scribe.heard = heard
            if not running.done():
                running.cancel()
                await asyncio.wait({running})


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """The error that tells most, of those of calls side by side."""
    found: list[Exception] = []
    left: list[Exception] = [group]
    while left:
        error = left.pop(0)
        if isinstance(error, ExceptionGroup):
            left += error.exceptions
        else:
            found.append(error)
    return next((error for error in found if not isinstance(error, DinrailError)), found[0])


def _kept(exchange: Exchange) -> Json:
    call = exchange.call
    return {"call": {"id": call.id, "name": call.name, "arguments": call.arguments}, "told": exchange.told}


def _exchange(kept: Json) -> Exchange:
    return Exchange(ModelCall(**kept["call"]), kept["told"])


def _kept_step(step: Step) -> Json:
    calls = [{"id": c.id, "name": c.name, "arguments": c.arguments, "key": c.key} for c in step.calls]
    return {
        "calls": calls,
        "waits": step.waits,
        "reason": step.reason,
        "usage": step.usage,
        "said": step.said,
        "service_tier": step.service_tier,
        "hosted": step.hosted,
    }
