"""Cases that hold for every operation: what the upstream refuses, and how it fails, by status before text."""

from __future__ import annotations

import asyncio
import time

from dinrail_core.errors import (
    ContextLengthExceeded,
    InvalidRequest,
    ModelNotFound,
    RateLimited,
    UpstreamError,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from dinrail_sdk.testing.bench import Bench, attempt, expect
from dinrail_sdk.testing.delivery import (
    Delivery,
    bad_utf8,
    cut,
    garbage,
    half_closed,
    reset,
    stalled,
    truncated,
    wrong_types,
)
from dinrail_sdk.testing.operations import TYPED, VIEWS, Operation
from dinrail_sdk.testing.script import Refused
from dinrail_sdk.testing.suite import case
from dinrail_sdk.testing.suites.answers import AnswerCases, any_operation, asking, assert_good
from dinrail_sdk.testing.upstream import Turn

__all__ = ["RefusalCases"]

TRIES = 3
"""One, and two more."""
DEADLINE = 0.3
"""Seconds: long enough for a request to be sent on a busy machine."""


def _whole(operation: Operation) -> bool:
    return not operation.streams


class RefusalCases(AnswerCases):
    """How a provider tells of an upstream that does not answer, or not well."""

    @case(each=asking)
    async def test_bad_request(self, bench: Bench, operation: Operation) -> None:
        """400 is the caller's to mend: ``InvalidRequest`` with the upstream's words, sent once.

        Troubleshooting: translate by the status first; keep the upstream's message and the field that it blames.
        """
        bench.upstream.says(Refused(status=400, message="temperature is too high", param="temperature"))
        error = await expect(operation.ask(bench), InvalidRequest, after="400")
        assert "temperature is too high" in error.message, f"The upstream's reason is lost: {error.message!r}"
        assert error.param in ("temperature", None), f"The field blamed is {error.param!r}."
        assert len(bench.upstream.received) == 1, "A request that the upstream called wrong was sent again."

    @case("context_length", each=asking)
    async def test_context_length(self, bench: Bench, operation: Operation) -> None:
        """An input that does not fit into the model is ``ContextLengthExceeded``, on which clients cut their history.

        Troubleshooting: the status is 400 for this as well; look at the upstream's code or message.
        """
        message = "This model's maximum context length is 4096 tokens, but 5000 were sent."
        bench.upstream.says(Refused(status=400, message=message, code="context_length_exceeded"))
        await expect(operation.ask(bench), ContextLengthExceeded, after="400 for the context's length")

    @case(each=any_operation)
    async def test_refused_credentials(self, bench: Bench, operation: Operation) -> None:
        """401 and 403 are ``UpstreamRefused``: it is our key that is refused, not the caller's.

        Troubleshooting: a caller who sees 401 throws away a key that is good; never hand the status through.
        """
        for status in (401, 403):
            bench.upstream.says(Refused(status=status, message="The key is no good."))
            await expect(operation.ask(bench), UpstreamRefused, after=str(status))
        assert len(bench.upstream.received) == 2, "A request whose key was refused was sent again."

    @case(each=asking)
    async def test_missing_model(self, bench: Bench, operation: Operation) -> None:
        """404 for the model is ``ModelNotFound``.

        Troubleshooting: translate by the status first; the upstream's text differs from server to server.
        """
        refused = Refused(status=404, message="The model `kit` does not exist.", code="model_not_found", param="model")
        bench.upstream.says(refused)
        await expect(operation.ask(bench), ModelNotFound, after="404 for the model")

    @case(each=asking)
    async def test_rate_limit(self, bench: Bench, operation: Operation) -> None:
        """429 is ``RateLimited`` and keeps the upstream's ``Retry-After``; the caller is not kept waiting for it.

        Troubleshooting: read the header before the error is built; do not sleep longer than the call's deadline allows.
        """
        bench.upstream.says(Refused(status=429, message="Slow down.", retry_after=41))
        began = time.monotonic()
        error = await expect(operation.ask(bench), RateLimited, after="429 with Retry-After: 41")
        assert error.retry_after is not None, "Retry-After is lost."
        assert 39 <= error.retry_after <= 41, f"Retry-After is {error.retry_after}, the upstream said 41."
        assert time.monotonic() - began < 8, "The caller was kept waiting."
        assert len(bench.upstream.received) <= TRIES, f"The upstream was asked {len(bench.upstream.received)} times."

    @case(each=any_operation)
    async def test_failure(self, bench: Bench, operation: Operation) -> None:
        """500 is ``UpstreamFailed``, with an error in the dialect's shape and with a proxy's plain text alike.

        Troubleshooting: do not parse the body before the status is known; it need not be JSON.
        """
        for refused in (Refused(status=500), Refused(status=500, text="Internal Server Error")):
            bench.upstream.says(refused)
            await expect(operation.ask(bench), UpstreamFailed, after="500")

    @case(each=any_operation)
    async def test_overload(self, bench: Bench, operation: Operation) -> None:
        """503 is ``UpstreamUnavailable`` after at most two more tries.

        Troubleshooting: count tries over all layers: a client library may try again on its own beneath the provider.
        """
        bench.upstream.says(Refused(status=503, text="upstream connect error"))
        await expect(operation.ask(bench), UpstreamUnavailable, after="503")
        tries = len(bench.upstream.received)
        assert tries <= TRIES, f"The upstream was asked {tries} times; one and two more are allowed."

    @case(each=any_operation)
    async def test_unreachable(self, bench: Bench, operation: Operation) -> None:
        """Nobody listens: ``UpstreamUnavailable``; and once somebody does, the same provider works again.

        Troubleshooting: translate your client's connection errors; do not keep a connection that has failed.
        """
        await assert_good(bench, operation)
        await bench.upstream.stop()
        await expect(operation.ask(bench), UpstreamUnavailable, after="Nobody listens")
        await bench.upstream.start()
        await assert_good(bench, operation, how="After the upstream came back; ")

    @case(listening=False, each=any_operation)
    async def test_opens_without_upstream(self, bench: Bench, operation: Operation) -> None:
        """The provider opens while its upstream is down, and works once it is up.

        Troubleshooting: a dead upstream must not block the start; connect, and ask for models, when first called.
        """
        await bench.upstream.start()
        await assert_good(bench, operation)

    @case(each=asking)
    async def test_deadline(self, bench: Bench, operation: Operation) -> None:
        """An upstream that stays silent past the call's deadline is ``UpstreamTimeout``, at the deadline.

        Silent from the first byte on, or behind a part of its answer.

        Troubleshooting: bound the wait by ``call.remaining()`` as well as by the configured timeouts.
        """
        bench.upstream.says(delivery=stalled(-1))
        bench.upstream.then(Turn(delivery=stalled(1)))

        async def wait() -> None:
            began = time.monotonic()
            call = bench.call(seconds=DEADLINE)
            try:
                async with asyncio.timeout(4):
                    await expect(operation.ask(bench, call=call), UpstreamTimeout, after="Silence past the deadline")
            except TimeoutError:
                raise AssertionError("The provider still waits seconds behind the call's deadline.") from None
            waited = time.monotonic() - began
            assert DEADLINE / 2 < waited < 2.5, f"The deadline was in {DEADLINE} s, it gave up after {waited:.1f} s."

        await asyncio.gather(wait(), wait())

    @case(each=any_operation)
    async def test_garbage(self, bench: Bench, operation: Operation) -> None:
        """Status 200 with a web page, or with half of an answer, is ``UpstreamInvalid``, before bytes are handed on.

        Troubleshooting: bytes that are relayed are not parsed, so look at least whether they are a whole JSON object;
        let no error of a JSON parser or of pydantic out.
        """
        deliveries = {
            "A web page": garbage(),
            "Half of the JSON": truncated(),
            "An empty body": garbage(b"", "application/json"),
        }
        for what, delivery in deliveries.items():
            bench.upstream.says(delivery=delivery)
            for view in VIEWS:
                await expect(operation.ask(bench, view=view), UpstreamInvalid, after=f"{what}, {view}")

    @case(each=any_operation)
    async def test_wrong_types(self, bench: Bench, operation: Operation) -> None:
        """JSON that is not what the dialect says (text for a list) is ``UpstreamInvalid`` where somebody looks at it.

        Troubleshooting: let no ``KeyError``, ``TypeError`` or validation error of a library out.
        """
        bench.upstream.says(delivery=wrong_types())
        await expect(operation.ask(bench, view=TYPED), UpstreamInvalid, after="A text for every list")

    @case(each=any_operation)
    async def test_bad_utf8(self, bench: Bench, operation: Operation) -> None:
        """Bytes that are no UTF-8 are ``UpstreamInvalid`` where somebody looks at them.

        Troubleshooting: let no ``UnicodeDecodeError`` out, and do not paper over it with replacement characters.
        """
        bench.upstream.says(delivery=bad_utf8())
        await expect(operation.ask(bench, view=TYPED), UpstreamInvalid, after="Bytes that are no UTF-8")

    @case(each=_whole)
    async def test_broken_off(self, bench: Bench, operation: Operation) -> None:
        """An answer that breaks off half-way is an ``UpstreamError``, whichever way the connection ends.

        Troubleshooting: compare what came with ``Content-Length``; translate your client's error for it.
        """
        deliveries = {"closed": cut(1), "broken": reset(1), "half closed": half_closed(1)}
        for how, delivery in deliveries.items():
            bench.upstream.says(delivery=delivery)
            await expect(operation.ask(bench), UpstreamError, after=f"The connection was {how} in mid-answer")

    @case(each=any_operation)
    async def test_no_answer(self, bench: Bench, operation: Operation) -> None:
        """A connection that ends before the first byte is ``UpstreamUnavailable`` after at most two more tries.

        Troubleshooting: translate your client's error for a closed connection, and count the tries.
        """
        for delivery in (reset(), cut(-1)):
            before = len(bench.upstream.received)
            bench.upstream.says(delivery=delivery)
            await expect(operation.ask(bench), UpstreamUnavailable, after="The connection ended before any answer")
            tries = len(bench.upstream.received) - before
            assert tries <= TRIES, f"The upstream was asked {tries} times; one and two more are allowed."

    @case(each=any_operation)
    async def test_recovers(self, bench: Bench, operation: Operation) -> None:
        """After every kind of failure the next call works.

        Troubleshooting: a connection with unread bytes went back to the pool, or an error left a lock held.
        """
        failures = [
            (Refused(status=400), Delivery()),
            (Refused(status=500), Delivery()),
            (None, garbage()),
            (None, cut(1)),
            (None, reset(1)),
        ]
        for script, delivery in failures:
            bench.upstream.says(script, delivery)
            await attempt(operation.ask(bench))
            bench.upstream.says()
            await assert_good(bench, operation, how="After a failure; ")
