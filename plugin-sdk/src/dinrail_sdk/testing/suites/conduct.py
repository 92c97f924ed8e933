"""Cases that hold for every operation: secrets, cancelling, closing, and the event loop."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

from dinrail_sdk.testing.bench import Bench, attempt
from dinrail_sdk.testing.delivery import Delivery, garbage, reset, stalled
from dinrail_sdk.testing.operations import TYPED, Operation
from dinrail_sdk.testing.script import Asked, Refused
from dinrail_sdk.testing.suite import case
from dinrail_sdk.testing.suites.answers import any_operation, asking, assert_good
from dinrail_sdk.testing.suites.refusals import RefusalCases
from dinrail_sdk.testing.watchdog import LoopWatch

__all__ = ["BLOCK_LIMIT", "ConductCases"]

BLOCK_LIMIT = 0.05
"""Seconds for which a provider may keep the event loop from running."""

CALLERS_KEY = "sk-callers-own-0123456789"


class ConductCases(RefusalCases):
    """How a provider treats what it is entrusted with."""

    @case(each=any_operation)
    async def test_secrets_hidden(self, bench: Bench, operation: Operation) -> None:
        """No secret is in an error, its causes, the logs, or any ``repr``, even where the upstream repeats it.

        Troubleshooting: do not put headers, configurations or an upstream's words about a key into messages; a client's
        debug log may show headers.
        """
        secrets = [*bench.secrets, CALLERS_KEY]
        shown = [repr(bench.config), str(bench.config), repr(bench.provider), bench.config.model_dump_json()]
        keys = (None, CALLERS_KEY) if operation.asks else (None,)
        refused = [Refused(status=401, message=f"Incorrect API key provided: {secret}") for secret in secrets]
        turns = [
            *((one, Delivery()) for one in refused),
            (Refused(status=500), Delivery()),
            (None, garbage()),
            (None, reset()),
        ]
        for key in keys:
            for script, delivery in turns:
                bench.upstream.says(script, delivery)
                _, error = await attempt(operation.ask(bench, view=TYPED, call=bench.call(key=key)))
                assert error is not None, "The upstream failed, and the provider answered."
                shown += _told(error)
        shown += bench.logs
        for secret in secrets:
            found = [text for text in shown if secret in text]
            assert not found, f"A secret is shown: {found[0][:300].replace(secret, '<secret>')}"

    @case("upstream_key", each=asking)
    async def test_callers_key(self, bench: Bench, operation: Operation) -> None:
        """The caller's own key is sent where the call has one, and only with that call; else the configured one is.

        Troubleshooting: take the key from ``call.upstream_key`` for this request alone; never store it on the provider
        or on the shared session.
        """
        configured = bench.secrets
        await operation.ask(bench)
        mine = bench.upstream.credentials
        if configured:
            assert mine in configured, f"The configured key is not sent (sent was {'another' if mine else 'none'})."
        await operation.ask(bench, call=bench.call(key=CALLERS_KEY))
        assert bench.upstream.credentials == CALLERS_KEY, "The caller's own key is not sent."
        await operation.ask(bench)
        assert bench.upstream.credentials == mine, "One caller's key is sent with the next caller's request."

    @case(each=asking)
    async def test_cancel(self, bench: Bench, operation: Operation) -> None:
        """A call that is cancelled closes its connection within a second, so that the upstream stops computing.

        Troubleshooting: let ``CancelledError`` through; do the work in the caller's task, not in one of your own;
        release the response inside ``async with``.
        """
        for what, delivery in {"headers": stalled(-1), "the rest of the answer": stalled(1)}.items():
            bench.upstream.says(delivery=delivery)
            task = asyncio.ensure_future(operation.ask(bench))
            received = await bench.upstream.arrival(len(bench.upstream.received) + 1)
            await asyncio.sleep(0.05)  # the request is in; let the provider get as far as the upstream lets it
            task.cancel()
            when = f"Cancelled while waiting for {what}"
            assert await _ends_cancelled(task), f"{when}, the call did not end with CancelledError within a second."
            try:
                async with asyncio.timeout(1.0):
                    await received.exchange.left.wait()
            except TimeoutError:
                raise AssertionError(f"{when}: the upstream still computes after 1 s.") from None
        bench.upstream.says()
        await assert_good(bench, operation, how="After being cancelled; ")

    @case(unscripted=True, each=asking)
    async def test_cancel_at_once(self, bench: Bench, operation: Operation) -> None:
        """A call that is cancelled as soon as it has begun ends within a second, and the next one works.

        Troubleshooting: a lock that the cancelled call holds is never released; a thread's work cannot be cancelled,
        but its caller need not wait for it.
        """
        for rounds in (1, 3, 20):
            task = asyncio.ensure_future(operation.ask(bench))
            for _ in range(rounds):
                await asyncio.sleep(0)
            task.cancel()
            done, _ = await asyncio.wait({task}, timeout=1.0)
            assert done, "A call that was cancelled has not ended after a second."
            assert task.cancelled() or task.exception() is None, f"It ended with {task.exception()!r}."
        operation.check(await operation.ask(bench))

    @case(unscripted=True, each=any_operation)
    async def test_closing(self, bench: Bench, operation: Operation) -> None:
        """Closing the provider closes every connection, in use or idle, and ends its tasks.

        Troubleshooting: own the session in the ``async with`` of ``open``; cancel and await the tasks that you started.
        """
        operation.check(await operation.ask(bench))
        await bench.close()
        try:
            await bench.upstream.quiet(1.0)
        except TimeoutError:
            count = bench.upstream.open_connections
            raise AssertionError(f"{count} connection(s) are open 1 s after the provider was closed.") from None
        if bench.tasks:
            await asyncio.wait(bench.tasks, timeout=1.0)
        assert not bench.tasks, f"Tasks of the provider still run 1 s after it was closed: {bench.tasks}"

    @case(unscripted=True, each=any_operation)
    async def test_loop_stays_free(self, bench: Bench, operation: Operation) -> None:
        """The event loop is never kept from running for more than 50 ms.

        Troubleshooting: the stack shows what ran. Compute in ``asyncio.to_thread`` (with libraries that release the
        interpreter lock) or in a process; use no blocking client, no ``time.sleep``.
        """
        await operation.ask(bench)  # whatever is loaded at first use is loaded now
        found: list[LoopWatch] = []
        for _ in range(3):  # a busy machine can stop any thread for a while; a provider that blocks does so each time
            async with LoopWatch() as watch:
                await asyncio.gather(*(operation.ask(bench) for _ in range(2)))
            if watch.longest <= BLOCK_LIMIT:
                return
            found.append(watch)
        least = min(found, key=lambda watch: watch.longest)
        raise AssertionError(f"The event loop was kept from running for {least.longest * 1000:.0f} ms:\n{least.where}")

    @case(each=asking)
    async def test_upstream_asked_once(self, bench: Bench, operation: Operation) -> None:
        """One call that is answered is one request, to the operation that it is about, and leaves the rest alone.

        Troubleshooting: a second request doubles the bill. Look at models and tokens elsewhere, not on every call.
        """
        await operation.ask(bench)
        asked: list[Asked] = [received.asked for received in bench.upstream.received if received.asked]
        assert [one.api for one in asked] == [operation.api], f"These requests were made: {[one.api for one in asked]}"
        strays = [f"{stray.method} {stray.path}" for stray in bench.upstream.strays]
        assert not strays, f"Requests to unknown addresses were made: {strays}"


async def _ends_cancelled(task: asyncio.Future[Any]) -> bool:
    done, _ = await asyncio.wait({task}, timeout=1.0)
    if not done:
        return False
    await asyncio.gather(task, return_exceptions=True)
    return task.cancelled()


def _told(error: BaseException) -> list[str]:
    """Everything that an error shows: its text, its attributes, its causes."""
    shown = ["".join(traceback.format_exception(error))]
    here: BaseException | None = error
    while here is not None:
        shown += [repr(here), str(here), repr(vars(here))]
        here = here.__cause__ or here.__context__
    return shown
