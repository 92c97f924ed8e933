"""The conformance suites of :class:`~dinrail_core.api.provider.ModelSource` and ``Checked``."""

from __future__ import annotations

import asyncio
import time

from dinrail_core.api.provider import Checked, Health, State
from dinrail_core.errors import UpstreamError
from dinrail_sdk.testing.bench import Bench, expect
from dinrail_sdk.testing.delivery import cut, garbage, reset, stalled, wrong_types
from dinrail_sdk.testing.operations import MODELS
from dinrail_sdk.testing.script import ListedModel, Listing, Refused
from dinrail_sdk.testing.suite import case
from dinrail_sdk.testing.suites.conduct import ConductCases

__all__ = ["CheckedSuite", "ModelSourceSuite"]

NAMES = ("acme/Big-Model:8b@q4", "b", "Modèle", "a", "B", "z" * 200)


class ModelSourceSuite(ConductCases):
    """What a provider that lists its models must do."""

    covers = (MODELS,)

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
        """An upstream that fails in whatever way is an ``UpstreamError``, never an empty or an old list.

        Troubleshooting: an empty list says that the models are gone for good; let the error out.
        """
        await MODELS.ask(bench)
        failures = {"503": Refused(status=503), "429": Refused(status=429, retry_after=30), "404": Refused(status=404)}
        for what, refused in failures.items():
            bench.upstream.says(refused)
            await expect(MODELS.ask(bench), UpstreamError, after=what)
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
        foreign = {contract for model in models.values() for contract in model["contracts"]} - self.provider.apis
        assert not foreign, f"Models are listed for contracts that the provider does not fulfil: {foreign}"


class CheckedSuite(ConductCases):
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
            ("401", Refused(status=401), None),
            ("500", Refused(status=500), None),
            ("503", Refused(status=503), None),
            ("a reset", None, reset()),
        ):
            bench.upstream.says(script, delivery) if delivery else bench.upstream.says(script)
            health = await _look(bench)
            assert health.state is not State.READY, f"The upstream answers with {what}, and the provider says ready."

    @case()
    async def test_health_silent(self, bench: Bench) -> None:
        """A silent upstream is told as such within a second or so.

        Troubleshooting: bound the look by a timeout of your own.
        """
        bench.upstream.says(delivery=stalled())
        health = await _look(bench)
        assert health.state is not State.READY, "The upstream is silent, and the provider says that it is ready."


async def _look(bench: Bench) -> Health:
    provider: Checked = bench.provider
    began = time.monotonic()
    health = await provider.health()
    took = time.monotonic() - began
    assert isinstance(health, Health), f"health() returned {health!r}."
    assert took < 1.9, f"Looking took {took:.1f} s; at most about one is allowed, and after two the host gives up."
    return health
