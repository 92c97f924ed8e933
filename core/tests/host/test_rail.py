from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from dinrail_core.api.provider import ModelInfo, ModelSource
from dinrail_core.errors import ModelNotFound, NotFound, NothingServes, Unavailable, UpstreamUnavailable
from dinrail_core.hooks import Target
from dinrail_core.hooks.context import MayUse
from dinrail_core.host import Host, rail

if TYPE_CHECKING:
    from conftest import Rig


class Talks:
    pass


class Counts:
    pass


class Judges:
    pass


class Provider(Talks, Counts, ModelSource):
    """Lists what the test says, after the test lets it."""

    def __init__(self, *models: str | ModelInfo) -> None:
        self.listed: Sequence[ModelInfo] | Exception = [
            ModelInfo(model) if isinstance(model, str) else model for model in models
        ]
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def models(self) -> Sequence[ModelInfo]:
        self.asked += 1
        await self.may_answer.wait()
        if isinstance(self.listed, Exception):
            raise self.listed
        return self.listed

    def list_now(self, *models: str) -> None:
        self.listed = [ModelInfo(model) for model in models]


class Listless(Talks):
    pass


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rail, "_WAIT", 0.05)


def install(rig: Rig, aliases: dict[str, str] | None = None, **opened: object) -> dict[str, Any]:
    """A configuration with one instance for each, every one of a type of its own."""
    for name, one in opened.items():
        apis = [kind for kind in (Talks, Counts, ModelSource) if isinstance(one, kind)]
        rig.plugin(name, providers=[rig.provider(f"{name}-type", one, apis=apis)])
    return {"providers": {name: {"type": f"{name}-type"} for name in opened}, "aliases": aliases or {}}


async def where(host: Host, model: str, contract: type = Talks) -> tuple[str, str]:
    target: Target[Any] = await host.rail.resolve(contract, model)
    assert isinstance(target.provider, contract)
    return target.instance, target.model


# --- instances


async def test_an_instance_is_found_without_a_model_by_name_or_as_the_first_of_the_configuration(rig: Rig) -> None:
    async with rig.host(install(rig, deaf=Provider("m"), one=Listless(), two=Listless())) as host:
        named: Target[Any] = await host.rail.instance(Talks, "two")
        assert (named.instance, named.model, type(named.provider)) == ("two", "", Listless)
        assert (await host.rail.instance(Counts)).instance == "deaf"
        assert (await host.rail.instance(Talks)).instance == "deaf"
        with pytest.raises(NotFound, match="no provider 'one' that is a Counts"):
            await host.rail.instance(Counts, "one")
        with pytest.raises(NotFound):
            await host.rail.instance(Talks, "three")
        with pytest.raises(NothingServes):
            await host.rail.instance(Judges)


async def test_who_may_not_use_an_instance_does_not_find_it(rig: Rig) -> None:
    async with rig.host(install(rig, one=Listless(), two=Listless())) as host:
        limited = host.rail.limited_to(lambda instance, model: instance == "two")
        assert (await limited.instance(Talks)).instance == "two"
        with pytest.raises(NotFound):
            await limited.instance(Talks, "one")


# --- ids


async def test_an_id_is_split_at_the_first_slash(rig: Rig) -> None:
    async with rig.host(install(rig, gpu0=Provider("Qwen/Qwen3/32B"))) as host:
        assert await where(host, "gpu0/Qwen/Qwen3/32B") == ("gpu0", "Qwen/Qwen3/32B")


async def test_a_plain_name_works_while_one_instance_has_it(rig: Rig) -> None:
    async with rig.host(install(rig, gpu0=Provider("a", "Qwen/Qwen3"), gpu1=Provider("b"))) as host:
        assert await where(host, "a") == ("gpu0", "a")
        assert await where(host, "b") == ("gpu1", "b")
        assert await where(host, "Qwen/Qwen3") == ("gpu0", "Qwen/Qwen3")


async def test_an_instance_of_that_name_wins_over_a_plain_name_with_a_slash(rig: Rig) -> None:
    async with rig.host(install(rig, Qwen=Provider("x"), gpu0=Provider("Qwen/Qwen3"))) as host:
        assert await where(host, "Qwen/Qwen3") == ("Qwen", "Qwen3")


async def test_a_plain_name_that_several_have_must_be_said_in_full(rig: Rig) -> None:
    async with rig.host(install(rig, gpu0=Provider("a"), gpu1=Provider("a"), gpu2=Provider("b"))) as host:
        with pytest.raises(ModelNotFound, match="say which, 'gpu0/a', 'gpu1/a'") as caught:
            await host.rail.resolve(Talks, "a")
        assert caught.value.param == "model"
        assert await where(host, "gpu1/a") == ("gpu1", "a")


async def test_a_plain_name_is_no_question_where_only_one_of_several_serves_the_contract(rig: Rig) -> None:
    talker, counter = Provider(ModelInfo("a", frozenset({Talks}))), Provider(ModelInfo("a", frozenset({Counts})))
    async with rig.host(install(rig, gpu0=talker, gpu1=counter)) as host:
        assert await where(host, "a", Talks) == ("gpu0", "a")
        assert await where(host, "a", Counts) == ("gpu1", "a")


async def test_an_instance_that_lists_nothing_is_asked_for_any_model(rig: Rig) -> None:
    async with rig.host(install(rig, gpu0=Listless())) as host:
        assert await where(host, "gpu0/whatever/it/is") == ("gpu0", "whatever/it/is")
        with pytest.raises(ModelNotFound):
            await host.rail.resolve(Talks, "whatever/it/is")


async def test_a_model_that_is_not_listed_is_left_to_the_instance_that_is_named(rig: Rig) -> None:
    async with rig.host(install(rig, gpu0=Provider("a"))) as host:
        assert await where(host, "gpu0/just-added") == ("gpu0", "just-added")


@pytest.mark.parametrize("model", ["", "/", "gpu0", "gpu0/", "/a", "nope", "nope/a", "a/", " a", "A"])
async def test_what_names_no_model_is_not_found(rig: Rig, model: str) -> None:
    async with rig.host(install(rig, gpu0=Provider("a"))) as host:
        for ask in (host.rail.resolve(Talks, model), host.rail.model(model)):
            with pytest.raises(ModelNotFound, match="does not exist or you do not have access") as caught:
                await ask
            assert caught.value.param == "model"


# --- aliases


@pytest.mark.parametrize("leads_to", ["gpu0/org/a", "org/a", "other"])
async def test_an_alias_leads_to_a_full_id_a_plain_name_or_an_alias(rig: Rig, leads_to: str) -> None:
    tree = install(rig, {"gpt-4o": leads_to, "other": "gpu0/org/a"}, gpu0=Provider("org/a"))
    async with rig.host(tree) as host:
        assert await where(host, "gpt-4o") == ("gpu0", "org/a")


async def test_an_alias_wins_over_a_model_of_that_name(rig: Rig) -> None:
    tree = install(rig, {"a": "gpu1/b", "gpu0/c": "gpu1/b"}, gpu0=Provider("a", "c"), gpu1=Provider("b"))
    async with rig.host(tree) as host:
        assert await where(host, "a") == ("gpu1", "b")
        assert await where(host, "gpu0/c") == ("gpu1", "b")


async def test_an_alias_that_leads_nowhere_names_the_alias_and_not_what_is_behind_it(rig: Rig) -> None:
    async with rig.host(install(rig, {"gpt-4o": "secret-model"}, gpu0=Provider("a"))) as host:
        with pytest.raises(ModelNotFound, match="The model 'gpt-4o' does not exist"):
            await host.rail.resolve(Talks, "gpt-4o")


# --- contracts


async def test_a_contract_that_nothing_serves_says_what_is_installed_and_able(rig: Rig) -> None:
    rig.plugin("judge", providers=[rig.provider("zjudge", object(), apis=[Judges])])
    rig.plugin("other", providers=[rig.provider("ajudge", object(), apis=[Judges])])
    async with rig.host(install(rig, gpu0=Provider("a"))) as host:
        with pytest.raises(NothingServes) as caught:
            await host.rail.resolve(Judges, "a")
        assert "Installed and able: ajudge, zjudge" in caught.value.message
        assert 'type = "ajudge"' in caught.value.message


async def test_a_contract_that_nothing_installed_serves_says_to_install_something(rig: Rig) -> None:
    async with rig.host(install(rig, gpu0=Provider("a"))) as host:
        for model in ("a", "gpu0/a", "nope"):
            with pytest.raises(NothingServes, match=r"No installed plugin provides a Judges\. Install one"):
                await host.rail.resolve(Judges, model)


async def test_a_model_of_another_contract_does_not_serve_this_one(rig: Rig) -> None:
    tree = install(rig, gpu0=Listless(), gpu1=Provider("b"))
    async with rig.host(tree) as host:
        with pytest.raises(ModelNotFound, match=r"'gpu0/a' does not serve this API \(it is no Counts\)"):
            await host.rail.resolve(Counts, "gpu0/a")


# --- lists that change


async def test_a_dead_upstreams_models_appear_when_it_does(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rail, "_FRESH", 0.0)
    provider = Provider()
    provider.listed = UpstreamUnavailable("It cannot be reached.")
    async with rig.host(install(rig, gpu0=provider)) as host:
        with pytest.raises(ModelNotFound):
            await host.rail.resolve(Talks, "a")
        assert await host.rail.models() == []
        provider.list_now("a")
        assert await where(host, "a") == ("gpu0", "a")
        assert [model.id for model in await host.rail.models()] == ["gpu0/a"]


async def test_the_start_does_not_wait_for_an_upstream_that_does_not_answer(rig: Rig) -> None:
    provider = Provider("a")
    provider.may_answer.clear()
    async with asyncio.timeout(5), rig.host(install(rig, gpu0=provider, gpu1=Provider("b"))) as host:
        assert await where(host, "b") == ("gpu1", "b")
        assert await where(host, "gpu0/a") == ("gpu0", "a")
        assert [model.id for model in await host.rail.models()] == ["gpu1/b"]
        provider.may_answer.set()
        await host.rail.provider("gpu0")
        assert await where(host, "a") == ("gpu0", "a")


async def test_a_resolved_name_is_resolved_anew_when_the_lists_change(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rail, "_FRESH", 0.0)
    first, second = Provider("a"), Provider("b")
    async with rig.host(install(rig, gpu0=first, gpu1=second)) as host:
        assert await where(host, "a") == ("gpu0", "a")
        first.list_now()
        second.list_now("a")
        await host.rail.models()
        assert await where(host, "a") == ("gpu1", "a")
        first.list_now("a")
        await host.rail.models()
        with pytest.raises(ModelNotFound, match="Several providers"):
            await host.rail.resolve(Talks, "a")


async def test_resolving_what_is_known_asks_nobody(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Provider("a")
    async with rig.host(install(rig, gpu0=provider)) as host:
        await where(host, "a")
        asked = provider.asked
        monkeypatch.setattr(rail, "_FRESH", 0.0)
        targets = [await host.rail.resolve(Talks, model) for model in ("a", "gpu0/a") * 50]
        assert provider.asked == asked
        assert len(set(map(id, targets))) == 2


async def test_a_hundred_requests_for_an_unknown_model_cause_one_look(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Provider("a"), Provider("b")
    async with rig.host(install(rig, gpu0=first, gpu1=second)) as host:
        await host.rail.models()
        before = first.asked, second.asked
        with monkeypatch.context() as stale:
            stale.setattr(rail, "_FRESH", 0.0)
            outcomes = await asyncio.gather(
                *(host.rail.resolve(Talks, "unknown") for _ in range(100)), return_exceptions=True
            )
        assert {type(outcome) for outcome in outcomes} == {ModelNotFound}
        assert (first.asked, second.asked) == (before[0] + 1, before[1] + 1)
        # And those that come within the next seconds cause none.
        with pytest.raises(ModelNotFound):
            await host.rail.resolve(Talks, "unknown")
        assert (first.asked, second.asked) == (before[0] + 1, before[1] + 1)


async def test_requests_for_unknown_models_do_not_pile_up(rig: Rig) -> None:
    async with rig.host(install(rig, gpu0=Provider("a"))) as host:
        for index in range(300):
            with pytest.raises(ModelNotFound):
                await host.rail.resolve(Talks, f"unknown-{index}")
            await host.rail.resolve(Talks, f"gpu0/unknown-{index}")
        assert isinstance(host.rail, rail.HostRail)
        assert len(host.rail._targets) == 0


# --- listing


async def test_all_models_are_listed_with_the_instance_in_front_and_aliases_behind(rig: Rig) -> None:
    rich = ModelInfo("org/a", frozenset({Talks}), created=7, owned_by="org", context_length=4096)
    tree = install(rig, {"gpt-4o": "gpu0/org/a", "nowhere": "gpu0/none"}, gpu0=Provider(rich), gpu1=Provider("b"))
    async with rig.host(tree) as host:
        models = [model.model_dump() for model in await host.rail.models()]
    assert models == [
        {
            "id": "gpu0/org/a",
            "object": "model",
            "created": 7,
            "owned_by": "org",
            "apis": ["Talks"],
            "context_length": 4096,
        },
        {"id": "gpu1/b", "object": "model", "created": 0, "owned_by": "gpu1", "apis": ["Counts", "Talks"]},
        {
            "id": "gpt-4o",
            "object": "model",
            "created": 7,
            "owned_by": "org",
            "apis": ["Talks"],
            "context_length": 4096,
        },
    ]


async def test_one_model_is_found_by_every_id_and_answers_under_the_one_that_was_asked_for(rig: Rig) -> None:
    async with rig.host(install(rig, {"gpt-4o": "gpu0/org/a"}, gpu0=Provider("org/a"))) as host:
        for model in ("gpu0/org/a", "org/a", "gpt-4o"):
            found = await host.rail.model(model)
            assert (found.id, found.owned_by) == (model, "gpu0")


async def test_one_model_that_was_just_added_is_found(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rail, "_FRESH", 0.0)
    provider = Provider("a")
    async with rig.host(install(rig, gpu0=provider)) as host:
        await host.rail.models()
        provider.list_now("a", "b")
        assert (await host.rail.model("gpu0/b")).id == "gpu0/b"
        provider.list_now("a", "c")
        assert (await host.rail.model("c")).id == "c"


async def test_a_provider_that_is_not_there_is_not_found(rig: Rig) -> None:
    async with rig.host() as host:
        with pytest.raises(NotFound, match="There is no provider 'gpu0'"):
            await host.rail.provider("gpu0")


# --- limited


def without(*denied: str) -> MayUse:
    """May use everything but these models (``one/m``) and providers (``one``)."""
    return lambda instance, model: instance not in denied and f"{instance}/{model}" not in denied


async def test_what_may_not_be_used_looks_as_if_it_were_not_there(rig: Rig) -> None:
    settings = install(rig, {"alias": "one/m"}, one=Provider("m", "n"), two=Provider("o"))
    async with rig.host(settings) as host:
        await host.rail.models()
        limited = host.rail.limited_to(without("one/m", "two"))
        assert [model.id for model in await limited.models()] == ["one/n"]
        assert [status.id for status in await limited.providers()] == ["one"]
        for model in ("one/m", "m", "alias", "two/o", "o", "two/never-heard-of"):
            with pytest.raises(ModelNotFound) as denied:
                await limited.resolve(Talks, model)
            missing = f"The model '{model}' does not exist or you do not have access to it."
            assert (denied.value.message, denied.value.code) == (missing, "model_not_found")
            with pytest.raises(ModelNotFound):
                await limited.model(model)
        with pytest.raises(NotFound, match="There is no provider 'two'"):
            await limited.provider("two")
        assert await where(host, "one/m") == ("one", "m")


async def test_a_limit_holds_for_what_somebody_else_has_found_before(rig: Rig) -> None:
    async with rig.host(install(rig, one=Provider("m"))) as host:
        limited = host.rail.limited_to(without("one/m"))
        assert await where(host, "one/m") == ("one", "m")
        with pytest.raises(ModelNotFound):
            await limited.resolve(Talks, "one/m")


async def test_a_plain_name_leads_to_the_provider_that_may_be_used(rig: Rig) -> None:
    async with rig.host(install(rig, one=Provider("m"), two=Provider("m"))) as host:
        limited = host.rail.limited_to(without("one"))
        for _ in range(2):
            assert (await limited.resolve(Talks, "m")).instance == "two"
        with pytest.raises(ModelNotFound, match="Several providers"):
            await host.rail.resolve(Talks, "m")


async def test_new_models_are_seen_by_a_limited_rail_too(rig: Rig) -> None:
    provider = Provider("m")
    async with rig.host(install(rig, one=provider)) as host:
        limited = host.rail.limited_to(without("one/m"))
        provider.list_now("m", "n")
        rig_listing = host.plan.instances["one"].listing
        assert rig_listing is not None
        await rig_listing.refresh()
        assert [model.id for model in await limited.models()] == ["one/n"]


async def test_a_provider_that_was_set_aside_is_not_there_for_somebody_who_may_not_use_it(rig: Rig) -> None:
    rig.plugin("broken", raises=ImportError("no CUDA"))
    async with rig.host({"providers": {"gpu0": {"type": "broken"}}}) as host:
        with pytest.raises(Unavailable, match="no CUDA"):
            await host.rail.resolve(Talks, "gpu0/m")
        with pytest.raises(NothingServes, match="No installed plugin provides a Talks"):
            await host.rail.limited_to(without("gpu0")).resolve(Talks, "gpu0/m")


async def test_a_kind_of_job_leads_to_the_service_that_declares_it(rig: Rig) -> None:
    files = Provider()
    record = rig.service("files", files, provides=[Provider], jobs=["sweep"])
    rig.plugin("files", extends=["services"], bundled=True, services=[record])
    async with rig.host() as host:
        assert [kind.name for kind in host.rail.job_kinds()] == ["sweep"]
        assert rig.events == []
        assert await host.rail.service_for("sweep") is files
        with pytest.raises(NothingServes, match="'lost'"):
            await host.rail.service_for("lost")


async def test_a_service_that_cannot_be_opened_does_no_jobs(rig: Rig) -> None:
    record = rig.service("files", OSError("no disk"), provides=[Provider], jobs=["sweep"])
    rig.plugin("files", extends=["services"], bundled=True, services=[record])
    async with rig.host() as host:
        with pytest.raises(Unavailable, match=r"'files' is not open .*no disk"):
            await host.rail.service_for("sweep")


async def test_what_no_model_stands_for_is_found_by_its_contract_in_the_configurations_order(rig: Rig) -> None:
    talker, both, counter = Listless(), Provider("m"), Counts()
    async with rig.host(install(rig, one=talker, two=both, three=counter)) as host:
        assert list(host.rail.instances(Talks).items()) == [("one", talker), ("two", both)]
        assert list(host.rail.instances(Counts)) == ["two", "three"]
        assert host.rail.instances(Judges) == {}
        assert list(host.rail.limited_to(without("one")).instances(Talks)) == ["two"]
