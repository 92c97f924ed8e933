from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ConfigDict

from dinrail_core.api.provider import Checked, Health, ModelInfo, ModelSource, State
from dinrail_core.errors import ConfigurationError, ModelNotFound, Unavailable, UpstreamUnavailable
from dinrail_core.hooks import Context, ProviderType, Secret
from dinrail_core.host import instances, lifecycle

if TYPE_CHECKING:
    from conftest import Rig


class Talks:
    pass


class Counts:
    pass


class Mute(Talks):
    """Serves talks, and lists nothing."""


class Lists(Talks, ModelSource):
    def __init__(self, *models: str, error: BaseException | None = None) -> None:
        self.listed = [ModelInfo(model) for model in models]
        self.error = error

    async def models(self) -> list[ModelInfo]:
        if self.error is not None:
            raise self.error
        return self.listed


class Looked(Mute, Checked):
    def __init__(self, look: Callable[[], Any]) -> None:
        self._look = look

    async def health(self) -> Health:
        found: Health = await self._look()
        return found


class Keyed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    base_url: str = "http://localhost"
    api_key: Secret | None = None


def echo(rig: Rig, opened: object | None = None, **more: Any) -> ProviderType:
    return rig.provider("echo", Mute() if opened is None else opened, apis=[Talks], config=Keyed, **more)


def configured(**keys: Any) -> dict[str, Any]:
    return {"providers": {"gpu0": {"type": "echo", **keys}}}


# --- configured


class Both(Talks, Counts):
    pass


class Choosing(Keyed):
    counting: bool = False


@pytest.mark.parametrize("counting", [False, True])
async def test_an_optional_contract_is_fulfilled_where_the_configuration_says_so(rig: Rig, counting: bool) -> None:
    kind = ProviderType(
        name="echo",
        config=Choosing,
        apis=frozenset({Talks}),
        optional={Counts: "counting"},
        open=rig.opening("echo", Both()),
    )
    rig.plugin("echo", providers=[kind])
    async with rig.host(configured(counting=counting)) as host:
        assert list(host.rail.instances(Counts)) == (["gpu0"] if counting else [])
        assert (await host.rail.provider("gpu0")).apis == (["Counts", "Talks"] if counting else ["Talks"])


async def test_an_optional_contract_that_is_said_to_be_fulfilled_must_be(rig: Rig) -> None:
    kind = ProviderType(
        name="echo",
        config=Choosing,
        apis=frozenset({Talks}),
        optional={Counts: "counting"},
        open=rig.opening("echo", Mute()),
    )
    rig.plugin("echo", providers=[kind])
    async with rig.host(configured(counting=True)) as host:
        assert "it declares Counts, but what it opens is none" in str((await host.rail.provider("gpu0")).reason)


async def test_an_instance_of_the_configuration_is_opened_with_its_keys_and_a_folder_of_its_own(rig: Rig) -> None:
    seen: list[tuple[Keyed, Context]] = []

    @asynccontextmanager
    async def opening(config: Keyed, context: Context) -> AsyncIterator[object]:
        seen.append((config, context))
        yield Mute()

    rig.plugin("echo", providers=[ProviderType(name="echo", config=Keyed, apis=frozenset({Talks}), open=opening)])
    async with rig.host(configured(base_url="http://gpu0")) as host:
        ((config, context),) = seen
        assert config.base_url == "http://gpu0"
        assert (context.name, context.rail) == ("gpu0", host.rail)
        assert context.data_dir == host.settings.data_dir / "providers" / "gpu0"
        assert not context.data_dir.exists()
        assert context.folder().stat().st_mode & 0o777 == 0o700


def test_a_type_that_nothing_installed_has_is_an_error_that_lists_what_there_is(rig: Rig) -> None:
    rig.plugin("echo", providers=[echo(rig)])
    with pytest.raises(ConfigurationError) as caught:
        rig.plan({"providers": {"gpu0": {"type": "ecko"}}})
    assert str(caught.value) == (
        "providers.gpu0.type: no installed plugin has the provider type 'ecko' (there are: echo); did you mean 'echo'?"
    )


def test_a_key_that_the_type_does_not_have_is_an_error(rig: Rig) -> None:
    rig.plugin("echo", providers=[echo(rig)])
    with pytest.raises(ConfigurationError, match=r"^providers\.gpu0\.bse_url: unknown key \(known here: api_key, base"):
        rig.plan(configured(bse_url="x"))


def test_a_missing_secret_is_an_error_that_names_the_key(rig: Rig) -> None:
    rig.plugin("echo", providers=[echo(rig)])
    with pytest.raises(ConfigurationError, match=r"^providers\.gpu0\.api_key: the environment variable NO_KEY is not"):
        rig.plan(configured(api_key={"env": "NO_KEY"}))


# --- of plugins that were set aside


@pytest.mark.parametrize("how", ["import", "hook", "version"])
async def test_an_instance_of_a_broken_plugin_is_shown_with_the_reason_and_the_rest_serve(rig: Rig, how: str) -> None:
    def exits() -> Any:
        raise SystemExit(1)

    match how:
        case "import":
            rig.plugin("broken", raises=ImportError("no CUDA"))
        case "hook":
            rig.plugin("broken", providers=exits)
        case _:
            rig.plugin("broken", api=">=9")
    rig.plugin("echo", providers=[echo(rig)])
    async with rig.host({"providers": {"gpu0": {"type": "broken", "any": "key"}, "gpu1": {"type": "echo"}}}) as host:
        lost, good = await host.rail.providers()
        assert (lost.id, lost.type, lost.distribution, lost.version) == ("gpu0", "broken", "rig-broken", "1.2.3")
        assert (lost.status, lost.apis) == ("failed", [])
        assert lost.reason == host.rail.plugins()[0].reason
        assert (good.id, good.status) == ("gpu1", "ready")
        assert (await host.rail.resolve(Talks, "gpu1/m")).instance == "gpu1"
        with pytest.raises(Unavailable, match="The provider 'gpu0' is not open"):
            await host.rail.resolve(Talks, "gpu0/m")


async def test_a_request_for_a_broken_plugins_instance_is_told_so_even_if_nothing_else_serves(rig: Rig) -> None:
    rig.plugin("broken", raises=ImportError("no CUDA"))
    async with rig.host({"providers": {"gpu0": {"type": "broken"}}, "aliases": {"a": "gpu0/m"}}) as host:
        for model in ("gpu0/m", "a"):
            with pytest.raises(Unavailable, match="no CUDA"):
                await host.rail.resolve(Talks, model)


async def test_an_instance_of_a_type_whose_plugin_lost_the_name_belongs_to_the_one_that_has_it(rig: Rig) -> None:
    rig.plugin("first", providers=[echo(rig)])
    rig.plugin("second", providers=[echo(rig)])
    async with rig.host(configured()) as host:
        assert (await host.rail.provider("gpu0")).distribution == "rig-first"


async def test_an_instance_of_another_type_of_a_plugin_that_was_set_aside_is_not_the_operators_fault(rig: Rig) -> None:
    other = rig.provider("other", Mute(), apis=[Talks])
    rig.plugin("first", providers=[echo(rig)])
    rig.plugin("second", providers=[echo(rig), other])
    async with rig.host({"providers": {"gpu0": {"type": "other"}}}) as host:
        status = await host.rail.provider("gpu0")
        assert (status.distribution, status.status) == ("rig-second", "failed")
        assert status.reason == "the provider type 'echo' is taken by rig-first"


async def test_an_instance_of_a_disabled_plugin_is_shown_as_such(rig: Rig) -> None:
    rig.plugin("echo", providers=[echo(rig)])
    async with rig.host(configured() | {"plugins": {"disable": ["echo"]}}) as host:
        status = await host.rail.provider("gpu0")
        assert (status.status, status.reason) == ("failed", "disabled in the configuration")


def test_an_instance_of_a_plugin_that_waits_for_consent_says_how_to_give_it(rig: Rig) -> None:
    rig.plugin("wide", extends=["routes"], providers=[echo(rig)])
    with pytest.raises(
        ConfigurationError, match=r'^providers\.gpu0\.type: the plugin \'wide\' is off: .*enable = \["w'
    ):
        rig.plan({"providers": {"gpu0": {"type": "wide"}}})


# --- detected


def _found(found: object) -> Callable[[Mapping[str, str]], Any]:
    return lambda environment: found


async def test_what_the_environment_shows_is_an_instance_named_like_its_type(rig: Rig) -> None:
    def detect(environment: Mapping[str, str]) -> dict[str, object] | None:
        return {"base_url": environment["ECHO_HOST"]} if "ECHO_HOST" in environment else None

    rig.plugin("echo", providers=[echo(rig, detect=detect)])
    assert rig.plan().instances == {}
    (instance,) = rig.plan(environment={"ECHO_HOST": "http://there"}).instances.values()
    assert (instance.name, instance.config) == ("echo", Keyed(base_url="http://there"))


@pytest.mark.parametrize("name", ["gpu0", "echo"])
def test_what_the_operator_configured_is_not_detected_again(rig: Rig, name: str) -> None:
    rig.plugin("echo", providers=[echo(rig, detect=_found({"base_url": "detected"}))])
    plan = rig.plan({"providers": {name: {"type": "echo", "base_url": "configured"}}})
    assert {key: instance.config.model_dump()["base_url"] for key, instance in plan.instances.items()} == {
        name: "configured"
    }


def test_a_detected_instance_never_takes_the_name_of_a_configured_one(rig: Rig) -> None:
    other = rig.provider("other", Mute(), apis=[Talks])
    rig.plugin("echo", providers=[echo(rig, detect=_found({}))])
    rig.plugin("other", providers=[other])
    assert rig.plan({"providers": {"echo": {"type": "other"}}}).instances["echo"].type is other


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"bse_url": "x"}, "what it detects does not fit its own configuration (bse_url: unknown key (known here: "),
        ({"base_url": 3}, "what it detects does not fit its own configuration (base_url: Input should be a valid st"),
        (3, "what it detects does not fit its own configuration ("),
        (["a"], "what it detects does not fit its own configuration ("),
    ],
)
async def test_what_a_plugin_detects_wrongly_costs_that_instance_alone(rig: Rig, found: object, reason: str) -> None:
    rig.plugin("broken", providers=[rig.provider("broken", Mute(), apis=[Talks], config=Keyed, detect=_found(found))])
    rig.plugin("echo", providers=[echo(rig, detect=_found({}))])
    async with rig.host() as host:
        assert [status.id for status in await host.rail.providers()] == ["echo"]
        broken = host.rail.plugins()[0]
        assert broken.state == "failed"
        assert broken.reason is not None
        assert broken.reason.startswith(f"broken: {reason}")


@pytest.mark.parametrize("error", [RuntimeError("bad day"), SystemExit(1)])
async def test_a_detection_that_fails_costs_that_instance_alone(rig: Rig, error: BaseException) -> None:
    def detect(environment: Mapping[str, str]) -> None:
        raise error

    rig.plugin("broken", providers=[rig.provider("broken", Mute(), apis=[Talks], detect=detect)])
    rig.plugin("echo", providers=[echo(rig, detect=_found({}))])
    async with rig.host() as host:
        assert [status.id for status in await host.rail.providers()] == ["echo"]
        assert host.rail.plugins()[0].reason == f"broken: its detection failed ({type(error).__name__}: {error})"


# --- opening


@pytest.mark.parametrize(
    ("opened", "reason"),
    [
        (OSError("port taken"), "opening it failed (OSError: port taken)"),
        (SystemExit(2), "opening it failed (SystemExit: 2)"),
        (object(), "it declares Talks, but what it opens is none"),
    ],
    ids=["raises", "exits", "something else"],
)
async def test_an_instance_that_cannot_be_opened_is_shown_and_the_others_serve(
    rig: Rig, opened: object, reason: str
) -> None:
    rig.plugin("bad", providers=[rig.provider("bad", opened, apis=[Talks])])
    rig.plugin("echo", providers=[echo(rig)])
    async with rig.host({"providers": {"gpu0": {"type": "bad"}, "gpu1": {"type": "echo"}}}) as host:
        bad, good = await host.rail.providers()
        assert (bad.status, bad.reason, bad.apis) == ("failed", reason, ["Talks"])
        assert good.status == "ready"
        assert host.rail.plugins()[0].state == "failed"
        assert host.rail.plugins()[0].reason == f"gpu0: {reason}"
        assert host.rail.plugins()[1].state == "enabled"
        with pytest.raises(Unavailable):
            await host.rail.resolve(Talks, "gpu0/m")
        assert ("close bad" in rig.events) == (not isinstance(opened, BaseException))


async def test_of_two_instances_of_one_type_only_the_broken_one_is_lost(rig: Rig) -> None:
    @asynccontextmanager
    async def opening(config: Keyed, context: Context) -> AsyncIterator[object]:
        if context.name == "gpu0":
            raise OSError("port taken")
        yield Mute()

    rig.plugin("echo", providers=[ProviderType(name="echo", config=Keyed, apis=frozenset({Talks}), open=opening)])
    async with rig.host({"providers": {"gpu0": {"type": "echo"}, "gpu1": {"type": "echo"}}}) as host:
        assert [status.status for status in await host.rail.providers()] == ["failed", "ready"]
        assert (await host.rail.resolve(Talks, "gpu1/m")).instance == "gpu1"


async def test_instances_that_hang_hang_together_and_not_one_after_another(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "OPEN_LIMIT", 0.05)

    @asynccontextmanager
    async def opening(config: Any, context: Context) -> AsyncIterator[object]:
        await asyncio.Event().wait()
        yield Mute()

    rig.plugin("hang", providers=[ProviderType(name="hang", config=Keyed, apis=frozenset({Talks}), open=opening)])
    rig.plugin("echo", providers=[echo(rig)])
    tree = {"providers": {f"gpu{index}": {"type": "hang"} for index in range(50)} | {"ok": {"type": "echo"}}}
    async with asyncio.timeout(2), rig.host(tree) as host:
        states = [status.status for status in await host.rail.providers()]
        assert (states.count("failed"), states.count("ready")) == (50, 1)


async def test_the_reason_never_repeats_the_instances_secret(rig: Rig) -> None:
    rig.plugin("bad", providers=[echo(rig, ValueError("the key hush-hush was refused"))])
    async with rig.host(configured(api_key="hush-hush")) as host:
        shown = f"{await host.rail.providers()} {host.rail.plugins()}"
        assert "was refused" in shown
        assert "hush-hush" not in shown


async def test_everything_that_was_opened_is_closed_once(rig: Rig) -> None:
    rig.plugin("echo", providers=[echo(rig)])
    async with rig.host({"providers": {"gpu0": {"type": "echo"}, "gpu1": {"type": "echo"}}}):
        assert rig.events == ["open echo", "open echo"]
    assert rig.events == ["open echo", "open echo", "close echo", "close echo"]


async def test_an_instance_that_ends_by_itself_is_unavailable_from_then_on(rig: Rig) -> None:
    crash = asyncio.Event()

    @asynccontextmanager
    async def opening(config: Any, context: Context) -> AsyncIterator[object]:
        async def watch() -> None:
            await crash.wait()
            raise OSError("the child died")

        async with asyncio.TaskGroup() as group:
            group.create_task(watch())
            yield Lists("m")

    rig.plugin(
        "echo",
        providers=[ProviderType(name="echo", config=Keyed, apis=frozenset({Talks, ModelSource}), open=opening)],
    )
    async with rig.host(configured()) as host:
        assert (await host.rail.resolve(Talks, "m")).instance == "gpu0"
        crash.set()
        async with asyncio.timeout(5):
            while (await host.rail.provider("gpu0")).status != "failed":
                await asyncio.sleep(0)
        assert (await host.rail.provider("gpu0")).reason == "it ended (OSError: the child died)"
        for model in ("m", "gpu0/m"):
            with pytest.raises(Unavailable, match="the child died"):
                await host.rail.resolve(Talks, model)


# --- health


async def test_an_instance_that_lists_nothing_is_ready_once_it_is_open(rig: Rig) -> None:
    rig.plugin("echo", providers=[echo(rig)])
    async with rig.host(configured()) as host:
        status = await host.rail.provider("gpu0")
        assert (status.status, status.reason, status.models) == ("ready", None, None)


async def test_an_instance_whose_models_can_be_listed_is_ready_and_says_how_many(rig: Rig) -> None:
    rig.plugin("echo", providers=[rig.provider("echo", Lists("a", "b"), apis=[Talks, ModelSource])])
    async with rig.host(configured()) as host:
        status = await host.rail.provider("gpu0")
        assert (status.status, status.models, status.apis) == ("ready", 2, ["Talks"])


async def test_an_instance_whose_upstream_is_dead_is_unreachable_and_says_why(rig: Rig) -> None:
    opened = Lists(error=UpstreamUnavailable("It cannot be reached."))
    rig.plugin("echo", providers=[rig.provider("echo", opened, apis=[Talks, ModelSource])])
    async with rig.host(configured()) as host:
        status = await host.rail.provider("gpu0")
        assert (status.status, status.reason, status.models) == ("unreachable", "It cannot be reached.", 0)
        assert host.rail.plugins()[0].state == "enabled"


async def _degraded() -> Health:
    return Health(State.DEGRADED, "half of it")


async def _hangs() -> None:
    await asyncio.Event().wait()


async def _raises() -> None:
    raise LookupError("with a secret in it")


async def _exits() -> None:
    raise SystemExit(1)


async def _rubbish() -> str:
    return "fine, thanks"


@pytest.mark.parametrize(
    ("look", "status", "reason"),
    [
        (_degraded, "degraded", "half of it"),
        (_hangs, "unreachable", "it does not answer"),
        (_raises, "unreachable", "looking at it failed (LookupError)"),
        (_exits, "unreachable", "looking at it failed (SystemExit)"),
        (_rubbish, "unreachable", "it cannot tell how it does"),
    ],
)
async def test_an_instance_that_can_tell_how_it_does_is_asked(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, look: Any, status: str, reason: str
) -> None:
    monkeypatch.setattr(instances, "_LOOK_LIMIT", 0.01)
    rig.plugin("echo", providers=[rig.provider("echo", Looked(look), apis=[Talks, Checked])])
    async with rig.host(configured()) as host:
        found = await host.rail.provider("gpu0")
        assert (found.status, found.reason) == (status, reason)


async def test_looking_at_all_instances_takes_no_longer_than_at_the_slowest(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instances, "_LOOK_LIMIT", 0.05)
    rig.plugin("echo", providers=[rig.provider("echo", Looked(_hangs), apis=[Talks, Checked])])
    tree = {"providers": {f"gpu{index}": {"type": "echo"} for index in range(50)}}
    async with rig.host(tree) as host, asyncio.timeout(2):
        assert {status.status for status in await host.rail.providers()} == {"unreachable"}


async def test_a_contract_that_a_model_does_not_serve_is_no_business_of_its_provider(rig: Rig) -> None:
    class Both(Lists, Counts):
        pass

    opened = Both()
    opened.listed = [ModelInfo("t", frozenset({Talks})), ModelInfo("c", frozenset({Counts})), ModelInfo("any")]
    rig.plugin("echo", providers=[rig.provider("echo", opened, apis=[Talks, Counts, ModelSource])])
    async with rig.host(configured()) as host:
        for contract, model in ((Talks, "t"), (Counts, "c"), (Talks, "any"), (Counts, "any")):
            assert (await host.rail.resolve(contract, model)).model == model
        for contract, model in ((Counts, "t"), (Talks, "c"), (Counts, "gpu0/t")):
            with pytest.raises(ModelNotFound, match=f"it is no {contract.__name__}"):
                await host.rail.resolve(contract, model)
        assert {model.id: model.apis for model in await host.rail.models()} == {
            "gpu0/t": ["Talks"],
            "gpu0/c": ["Counts"],
            "gpu0/any": ["Counts", "Talks"],
        }
