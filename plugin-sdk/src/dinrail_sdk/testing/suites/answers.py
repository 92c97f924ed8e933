"""Cases that hold for every operation: the answer is the upstream's, the request is the caller's."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.testing.bench import Bench
from dinrail_sdk.testing.delivery import paused, split, wrong_content_type
from dinrail_sdk.testing.operations import BYTES, VIEWS, Operation
from dinrail_sdk.testing.script import Ranking, Script, Spoken, Vectors, Verdicts, improvise
from dinrail_sdk.testing.suite import Suite, case

__all__ = ["AnswerCases", "any_operation", "asking", "assert_good"]

UNKNOWN = {"deep": [1, None, "ü"], "flag": True}
CROWD = 50
SMALL_CROWD = 6


def any_operation(operation: Operation) -> bool:
    """Every operation."""
    return True


def asking(operation: Operation) -> bool:
    """Operations that take a request and a call."""
    return operation.asks


def meant(bench: Bench, script: Script | None = None) -> Script:
    """What the upstream said to the newest request."""
    return script or improvise(bench.upstream.asked, bench.model)


async def assert_good(bench: Bench, operation: Operation, script: Script | None = None, how: str = "") -> None:
    """Ask, and check that both views have the content that the upstream sent."""
    for view in VIEWS:
        objects = await operation.ask(bench, view=view)
        said = operation.said(objects)
        due = operation.meant(meant(bench, script), bench.upstream.asked)
        assert said == due, f"{how}{operation.id}, {view}: the content is {said!r}, the upstream said {due!r}."


class AnswerCases(Suite):
    """What every operation of every provider must do with requests and answers."""

    @case(unscripted=True, each=any_operation)
    async def test_declaration(self, bench: Bench, operation: Operation) -> None:
        """The record is complete: what opens is what ``apis`` says, the configuration takes no unknown key.

        Troubleshooting: add the contract to ``apis`` of the ``ProviderType`` and to the bases of the provider's class;
        declare the configuration with ``extra="forbid"``; ``detect`` must be content with an empty environment.
        """
        record = self.provider
        assert operation.contract in record.apis, f"`apis` of {record.name!r} lacks {operation.contract.__name__}."
        for contract in record.apis_of(bench.config):
            assert isinstance(bench.provider, contract), f"What opens is no {contract.__name__}, as `apis` says."
        values = bench.config.model_dump()
        kinds: list[str] = []
        try:
            type(bench.config).model_validate({**values, "a_key_that_nobody_declared": 1})
        except ValidationError as error:
            kinds = [one["type"] for one in error.errors()]
        fix = f'{type(bench.config).__name__} takes unknown keys; declare it with extra="forbid".'
        assert "extra_forbidden" in kinds, fix
        if record.detect is not None and (found := record.detect({})) is not None:
            record.config.model_validate(found)

    @case(unscripted=True, each=any_operation)
    async def test_answer(self, bench: Bench, operation: Operation) -> None:
        """A small request is answered, with the upstream's content, as bytes and as a typed value alike.

        Troubleshooting: look at what reached the upstream and at what the provider made of the answer; everything else
        builds on this case.
        """
        if bench.scripted:
            await assert_good(bench, operation)
        else:
            for view in VIEWS:
                operation.check(await operation.ask(bench, view=view))

    @case(each=asking)
    async def test_model_name(self, bench: Bench, operation: Operation) -> None:
        """The upstream is asked for the very model that the request names, slashes and colons included.

        Troubleshooting: the host has taken the instance's name off already; hand ``request.model`` on as it is.
        """
        for name in ("acme/Big-Model:8b@q4", bench.model):
            await operation.send(bench, operation.request(name))
            assert bench.upstream.asked.model == name, (
                f"The upstream was asked for {bench.upstream.asked.model!r}, not {name!r}."
            )

    @case(unscripted=True, each=asking)
    async def test_request_untouched(self, bench: Bench, operation: Operation) -> None:
        """The request is the same after the call as before.

        Troubleshooting: a request is shared and frozen; build what is sent from ``request.model_dump()`` or a copy, and
        never append to its lists or write to its dictionaries.
        """
        more: dict[str, Any] = {"x_kit": {"list": [1]}} if bench.scripted else {}
        request = operation.request(bench.model, **more)
        before, copy = request.model_dump_json(), request.model_copy(deep=True)
        await operation.send(bench, request)
        assert request.model_dump_json() == before, "The provider has changed the request that it was given."
        assert request == copy, "The provider has changed the request that it was given."

    @case("unknown_request_fields", each=asking)
    async def test_unknown_request_fields(self, bench: Bench, operation: Operation) -> None:
        """A field of the request that no specification knows reaches the upstream.

        Troubleshooting: send ``request.model_dump_json()``, which has the unknown fields, or add
        ``request.model_extra`` to what you build.
        """
        await operation.ask(bench, x_kit=UNKNOWN)
        assert bench.upstream.asked.extra.get("x_kit") == UNKNOWN, f"What arrived: {dict(bench.upstream.asked.extra)}"

    @case("unknown_answer_fields", each=asking)
    async def test_unknown_answer_fields(self, bench: Bench, operation: Operation) -> None:
        """A field of the answer, or of every event, that no specification knows survives in both views.

        Troubleshooting: hand the upstream's bytes on (``Answer(wire, body=…)``); where you build the value, pass
        unknown fields to it.
        """
        bench.upstream.says(lambda asked: _with_extra(improvise(asked, bench.model)))
        for view in VIEWS:
            for item in await operation.ask(bench, view=view):
                assert item.get("x_kit") == UNKNOWN, f"{view}: the unknown field is gone or changed: {item}"

    @case(each=any_operation)
    async def test_torn_apart(self, bench: Bench, operation: Operation) -> None:
        """An answer that comes byte by byte, so that characters and frames are torn apart, is the same answer.

        Troubleshooting: do not decode single reads as text; collect bytes up to a frame's end, then decode.
        """
        for grain in (1, 7):
            bench.upstream.says(delivery=split(grain))
            await assert_good(bench, operation, how=f"{grain} bytes a write; ")

    @case(each=any_operation)
    async def test_slow_answer(self, bench: Bench, operation: Operation) -> None:
        """An answer that takes its time, before the first byte and between the pieces, is waited for.

        Troubleshooting: a timeout of the client is below 0.2 s, or the pieces that came late are dropped.
        """
        bench.upstream.says(delivery=paused(0.02))
        await assert_good(bench, operation, how="slow; ")

    @case(each=any_operation)
    async def test_odd_content_type(self, bench: Bench, operation: Operation) -> None:
        """A good answer under a wrong media type is taken, or refused in the provider's own words, but does not crash.

        Troubleshooting: some clients raise their own error for it; translate that into ``UpstreamInvalid``.
        """
        bench.upstream.says(delivery=wrong_content_type())
        try:
            objects = await operation.ask(bench)
        except UpstreamInvalid:
            return
        asked = bench.upstream.asked
        assert operation.said(objects) == operation.meant(meant(bench), asked), "The answer is taken, and garbled."

    @case(unscripted=True, each=asking)
    async def test_concurrent_calls(self, bench: Bench, operation: Operation) -> None:
        """Many calls at once get their own answer each.

        Troubleshooting: something that belongs to one call is kept on the provider, or one connection is used by two
        calls at once.
        """
        markers = [f"Question number {number}?" for number in range(CROWD if bench.scripted else SMALL_CROWD)]
        alone = {}
        if not bench.scripted:
            alone = {marker: operation.said(await operation.ask(bench, marker=marker)) for marker in markers[:2]}
        answers = await asyncio.gather(*(operation.ask(bench, marker=marker) for marker in markers))
        if bench.scripted:
            by_text = {str(received.asked): received.asked for received in bench.upstream.received}
            assert len(by_text) == len(markers), (
                f"{len(markers)} requests were made, {len(by_text)} different ones arrived."
            )
        for marker, objects in zip(markers, answers, strict=True):
            due = await self._due(bench, operation, marker) if bench.scripted else alone.get(marker)
            said = operation.said(objects)
            assert due is None or (said == due if bench.scripted else _close(said, due)), (
                f"The call that asked {marker!r} got the answer {said!r} instead of {due!r}."
            )

    async def _due(self, bench: Bench, operation: Operation, marker: str) -> object:
        """What the upstream says to ``marker``, found by asking it once more, alone."""
        count = len(bench.upstream.received)
        await operation.ask(bench, marker=marker)
        assert len(bench.upstream.received) == count + 1, "One call made the upstream answer more than once."
        return operation.meant(meant(bench), bench.upstream.asked)

    @case(unscripted=True, each=asking)
    async def test_repeatable(self, bench: Bench, operation: Operation) -> None:
        """The same request twice in a row gets equal content, as bytes both times.

        Troubleshooting: the provider keeps something of the first call (a cache of answers, a half-read connection, a
        conversation); without an upstream, temperature 0 or the seed is not handed to the model.
        """
        first = operation.said(await operation.ask(bench, view=BYTES))
        second = operation.said(await operation.ask(bench, view=BYTES))
        same = first == second if bench.scripted else _close(first, second)
        assert same, f"First {first!r}, then {second!r}."


def _close(one: Any, other: Any) -> bool:
    """Whether two contents are equal, but for what computing in another batch does to a number."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-2, abs_tol=1e-3)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_close, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_close(one[key], other[key]) for key in one)
    return bool(one == other)


def _with_extra(script: Script) -> Script:
    match script:
        case Spoken() | Vectors() | Ranking() | Verdicts():
            return replace(script, extra={"x_kit": UNKNOWN})
        case _:
            raise TypeError(f"{type(script).__name__} has no unknown fields.")
