"""The conformance suites of :class:`~dinrail_core.api.provider.ModelSource` and ``Checked``."""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar

from dinrail_core.api.provider import Checked, Health, State
from dinrail_core.errors import RateLimited, UpstreamError
from dinrail_sdk.testing.bench import Bench, expect
from dinrail_sdk.testing.delivery import AT_ONCE, cut, garbage, reset, stalled, wrong_types
from dinrail_sdk.testing.operations import MODELS, Operation
from dinrail_sdk.testing.script import ListedModel, Listing, Refused
from dinrail_sdk.testing.suite import Suite, case
from dinrail_sdk.testing.suites.conduct import BLOCK_LIMIT, ConductCases
from dinrail_sdk.testing.watchdog import LoopWatch

__all__ = ["CheckedSuite", "ModelSourceSuite"]

NAMES = ("acme/Big-Model:8b@q4", "b", "Modèle", "a", "B", "z" * 200)


class ModelSourceSuite(ConductCases):
    """What a provider that lists its models must do."""

    covers: ClassVar[tuple[Operation, ...]] = (MODELS,)

    @case()
    async def test_models_names(self, bench: Bench) -> None:
        """Every model of the upstream is listed once, under its exact name: slashes, colons, capitals, any script.

        Troubleshooting: the instance's name is put before it by the host; nothing is lowered, cut or filtered silently.
        """
        bench.upstream.says(Listing(models=tuple(ListedModel(id=name) for name in NAMES)))
        names = MODELS.said(await MODELS.ask(bench))
        assert sorted(names) == sorted(NAMES), f"Listed are {names}, the upstream has {list(NAMES)}."

    @case("model_details")
    async def test_models_details(self, bench: Bench) -> None:
        """When a model was made and whose it is are the upstream's words.

        Troubleshooting: ``created`` is in seconds since the epoch; 0 and ``None`` where the upstream does not tell.
        """
        bench.upstream.says(
            Listing(models=(ListedModel(id="a", created=1_600_000_000, owned_by="acme"), ListedModel(id="b")))
        )
        details = {model["id"]: (model["created"], model["owned_by"]) for model in await MODELS.ask(bench)}
        due = {"a": (1_600_000_000, "acme"), "b": (1_700_000_000, "kit")}
        assert details == due, f"Listed are {details}, the upstream says {due}."

    @case("context_length_listed")
    async def test_models_context_length(self, bench: Bench) -> None:
        """The context's length is told where the upstream tells it, and left open where it does not.

        Troubleshooting: vLLM says ``max_model_len``, others ``context_length``; never guess one.
        """
        bench.upstream.says(Listing(models=(ListedModel(id="a", context_length=8192), ListedModel(id="b"))))
        lengths = {model["id"]: model["context_length"] for model in await MODELS.ask(bench)}
        assert lengths == {"a": 8192, "b": None}, f"The lengths are {lengths}."

    @case()
    async def test_models_none(self, bench: Bench) -> None:
        """An upstream without models has none; nothing is made up.

        Troubleshooting: do not fall back to a built-in list.
        """
        bench.upstream.says(Listing(models=()))
        assert MODELS.said(await MODELS.ask(bench)) == [], "Models were made up."

    @case()
    async def test_models_many(self, bench: Bench) -> None:
        """A thousand models are all listed.

        Troubleshooting: follow the upstream's pages to the end.
        """
        names = [f"model-{number}" for number in range(1000)]
        bench.upstream.says(Listing(models=tuple(ListedModel(id=name) for name in names)))
        assert sorted(MODELS.said(await MODELS.ask(bench))) == sorted(names), "Some are missing or come twice."

    @case()
    async def test_models_now(self, bench: Bench) -> None:
        """Each look tells what is there now: a model that was added, one that was removed.

        Troubleshooting: the host remembers the list; a cache of the provider's own makes it stale.
        """
        for names in (["a"], ["a", "b"], ["b"]):
            bench.upstream.says(Listing(models=tuple(ListedModel(id=name) for name in names)))
            listed = MODELS.said(await MODELS.ask(bench))
            assert sorted(listed) == names, f"Listed are {listed}, there are {names} now."

    @case()
    async def test_models_dead_upstream(self, bench: Bench) -> None:
        """An upstream that fails in whatever way is an error that says so, never an empty or an old list.

        Troubleshooting: an empty list says that the models are gone for good; let the error out.
        """
        await MODELS.ask(bench)
        failures = {"503": Refused(status=503), "429": Refused(status=429, retry_after=30), "404": Refused(status=404)}
        for what, refused in failures.items():
            bench.upstream.says(refused)
            await expect(MODELS.ask(bench), UpstreamError, RateLimited, after=what)
        for what, delivery in {
            "A web page": garbage(),
            "Wrong types": wrong_types(),
            "A cut answer": cut(1),
            "A reset": reset(),
        }.items():
            bench.upstream.says(delivery=delivery)
            await expect(MODELS.ask(bench), UpstreamError, after=what)

    @case()
    async def test_models_cancelled(self, bench: Bench) -> None:
        """A look that is given up closes its connection within a second.

        Troubleshooting: let ``CancelledError`` through; the host gives a silent upstream up after seconds.
        """
        bench.upstream.says(delivery=stalled())
        task = asyncio.ensure_future(MODELS.ask(bench))
        received = await bench.upstream.arrival()
        task.cancel()
        await asyncio.wait({task}, timeout=1.0)
        assert task.cancelled(), "The look did not end with CancelledError within a second."
        try:
            async with asyncio.timeout(1.0):
                await received.exchange.left.wait()
        except TimeoutError:
            raise AssertionError("The connection is still held 1 s after the look was given up.") from None

    @case(unscripted=True)
    async def test_models_usable(self, bench: Bench) -> None:
        """The model that the suite names is listed, for contracts that the provider fulfils.

        Troubleshooting: ``contracts`` names contracts of ``apis``, or is empty where the models cannot be told apart.
        """
        models = {model["id"]: model for model in await MODELS.ask(bench)}
        assert bench.model in models, f"{bench.model!r} is not among {sorted(models)[:20]}."
        foreign = (
            {contract for model in models.values() for contract in model["contracts"]}
            - self.provider.apis
            - self.provider.optional.keys()
        )
        assert not foreign, f"Models are listed for contracts that the provider does not fulfil: {foreign}"


class CheckedSuite(Suite):
    """What a provider that tells how it does must do."""

    @case(unscripted=True)
    async def test_health_ready(self, bench: Bench) -> None:
        """A provider that works says so, within a second.

        Troubleshooting: look at something cheap; a generated token is not.
        """
        health = await _look(bench)
        assert health.state is State.READY, f"The provider works, and says {health.state.value}: {health.reason}"

    @case()
    async def test_health_unreachable(self, bench: Bench) -> None:
        """A provider whose upstream is gone says so, with a reason, and raises nothing.

        Troubleshooting: turn every error of the upstream into a :class:`Health`.
        """
        await bench.upstream.stop()
        health = await _look(bench)
        assert health.state is not State.READY, "Nobody listens, and the provider says that it is ready."
        assert health.reason, "There is no reason."
        shown = [secret for secret in bench.secrets if secret in health.reason]
        assert not shown, "The reason shows a secret."
        await bench.upstream.start()
        assert (await _look(bench)).state is State.READY, "The upstream is back, and the provider is not ready."

    @case()
    async def test_health_failing(self, bench: Bench) -> None:
        """A provider whose upstream refuses, fails or talks nonsense does not say that it is ready, and raises nothing.

        Troubleshooting: look at the status of the answer, not only at whether one came.
        """
        for what, script, delivery in (
            ("401", Refused(status=401), AT_ONCE),
            ("500", Refused(status=500), AT_ONCE),
            ("503", Refused(status=503), AT_ONCE),
            ("a reset", None, reset()),
        ):
            bench.upstream.says(script, delivery)
            health = await _look(bench)
            assert health.state is not State.READY, f"The upstream answers with {what}, and the provider says ready."

    @case()
    async def test_health_silent(self, bench: Bench) -> None:
        """A silent upstream is told as such within a second or so.

        Troubleshooting: bound the look by a timeout of your own.
        """
        bench.upstream.says(delivery=stalled())
        health = await _look(bench)
        assert health.reason, "There is no reason."
        assert health.state is not State.READY, "The upstream is silent, and the provider says that it is ready."

    @case()
    async def test_health_cheap(self, bench: Bench) -> None:
        """Looking generates nothing: no token, no vector.

        Troubleshooting: the host looks every few seconds; a list of models or a health address costs nothing.
        """
        for _ in range(3):
            await _look(bench)
        costly = sorted({received.asked.api for received in bench.upstream.received if received.asked} - {"models"})
        assert not costly, f"Looking calls {costly}."

    @case()
    async def test_health_secrets_hidden(self, bench: Bench) -> None:
        """No reason shows a secret, even where the upstream repeats it.

        Troubleshooting: do not put an upstream's words about a key into the reason.
        """
        for secret in bench.secrets:
            bench.upstream.says(Refused(status=401, message=f"Incorrect API key provided: {secret}"))
            health = await _look(bench)
            assert secret not in (health.reason or ""), "The reason shows a secret."
            assert not [line for line in bench.logs if secret in line], "A log line shows a secret."

    @case()
    async def test_health_cancelled(self, bench: Bench) -> None:
        """A look that is given up ends at once and closes its connection within a second.

        Troubleshooting: let ``CancelledError`` through; it is not a failure of the upstream.
        """
        bench.upstream.says(delivery=stalled())
        task = asyncio.ensure_future(bench.provider.health())
        received = await bench.upstream.arrival()
        task.cancel()
        await asyncio.wait({task}, timeout=0.5)
        assert task.cancelled(), "The look did not end with CancelledError within half a second."
        try:
            async with asyncio.timeout(1.0):
                await received.exchange.left.wait()
        except TimeoutError:
            raise AssertionError("The connection is still held 1 s after the look was given up.") from None

    @case(unscripted=True)
    async def test_health_at_once(self, bench: Bench) -> None:
        """Many looks at once are all answered, and keep the event loop free.

        Troubleshooting: look asynchronously; take no lock that an unanswered look holds.
        """
        await _look(bench)
        found: list[LoopWatch] = []
        for _ in range(3):  # a busy machine can stop any thread for a while; a provider that blocks does so each time
            async with LoopWatch() as watch:
                states = {health.state for health in await asyncio.gather(*(_look(bench) for _ in range(5)))}
            assert states == {State.READY}, f"Five looks at once say {states}."
            if watch.longest <= BLOCK_LIMIT:
                return
            found.append(watch)
        least = min(found, key=lambda watch: watch.longest)
        raise AssertionError(f"The event loop was kept from running for {least.longest * 1000:.0f} ms:\n{least.where}")

    @case()
    async def test_health_closing(self, bench: Bench) -> None:
        """Closing the provider closes every connection that a look has opened.

        Troubleshooting: own the session in the ``async with`` of ``open``.
        """
        await _look(bench)
        await bench.close()
        try:
            await bench.upstream.quiet(1.0)
        except TimeoutError:
            raise AssertionError("A connection is open 1 s after the provider was closed.") from None


async def _look(bench: Bench) -> Health:
    provider: Checked = bench.provider
    began = time.monotonic()
    health = await provider.health()
    took = time.monotonic() - began
    assert isinstance(health, Health), f"health() returned {health!r}."
    assert took < 1.9, f"Looking took {took:.1f} s; at most about one is allowed, and after two the host gives up."
    return health
