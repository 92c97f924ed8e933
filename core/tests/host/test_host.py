from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from dinrail_core.api.provider import ModelLibrary, PullProgress
from dinrail_core.errors import ConfigurationError, NotFound, NothingServes, Unavailable
from dinrail_core.hooks import Command, Context, ProviderType, Route, Section, ServiceType
from dinrail_core.host import Host, Plan, Plugins, operations

if TYPE_CHECKING:
    from conftest import Rig


class Talks:
    pass


class Notes:
    pass


class Greeting(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str = "Hello"


class Demanding(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str


class Contradicts(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str = ""

    @model_validator(mode="after")
    def _check(self) -> Contradicts:
        raise ValueError("never right")


class Crashes(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_default=True)
    text: str = ""

    @field_validator("text")
    @classmethod
    def _check(cls, value: str) -> str:
        raise LookupError("bug")


def section_plugin(rig: Rig, config: type[BaseModel] = Greeting, name: str = "greet", **hooks: Any) -> None:
    rig.plugin(name, extends=["sections"], bundled=True, sections=[Section(name="greeting", config=config)], **hooks)


async def handle(exchange: object) -> Any:
    raise NotImplementedError


def route(method: Any, path: str) -> Route:
    return Route(method=method, path=path, handler=handle, summary="", tag="")


def talker(rig: Rig, name: str = "echo") -> ProviderType:
    return rig.provider(name, Talks(), apis=[Talks])


# --- sections


def test_a_section_of_a_plugin_is_checked_and_has_its_defaults(rig: Rig) -> None:
    section_plugin(rig)
    assert rig.plan().sections == {"greeting": Greeting()}
    assert rig.plan({"greeting": {"text": "Hi"}}).sections == {"greeting": Greeting(text="Hi")}


def test_an_unknown_section_is_an_error_that_lists_what_there_is(rig: Rig) -> None:
    section_plugin(rig)
    with pytest.raises(ConfigurationError) as caught:
        rig.plan({"greting": {}})
    assert str(caught.value) == (
        "greting: no installed plugin has a section of this name "
        "(known here: aliases, data_dir, greeting, models, models_refresh, outbound, plugins, providers, services)"
        "; did you mean 'greeting'?"
    )


def test_a_key_that_a_section_does_not_have_is_an_error(rig: Rig) -> None:
    section_plugin(rig)
    with pytest.raises(
        ConfigurationError, match=r"^greeting\.txt: unknown key \(known here: text\); did you mean 'text'\?$"
    ):
        rig.plan({"greeting": {"txt": "Hi"}})


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (Demanding, "greeting.text: missing"),
        (Contradicts, "greeting: never right"),
        (Crashes, "greeting: checking it failed (LookupError)"),
    ],
)
def test_a_section_without_sound_defaults_sets_its_plugin_aside(rig: Rig, config: type[BaseModel], why: str) -> None:
    section_plugin(rig, config, providers=[talker(rig)])
    rig.plugin("other", providers=[talker(rig, "other")])
    plan = rig.plan()
    assert plan.sections == {}
    assert list(plan.types) == ["other"]
    assert plan.plugins.all[0].reason == f"its section has no sound defaults ({why})"


@pytest.mark.parametrize("how", ["fails", "is disabled"])
def test_the_section_of_a_plugin_that_is_lost_stops_nothing(rig: Rig, how: str) -> None:
    rig.plugin("greeting", extends=["sections"], bundled=True, raises=ImportError() if how == "fails" else None)
    disable = ["greeting"] if how == "is disabled" else []
    assert rig.plan({"greeting": {"text": "Hi"}, "plugins": {"disable": disable}}).sections == {}


def test_a_section_of_another_name_of_a_plugin_that_failed_stops_nothing(rig: Rig) -> None:
    rig.plugin("greet", extends=["sections"], bundled=True, raises=ImportError())
    assert rig.plan({"greeting": {"text": "Hi"}}).sections == {}


def test_a_failed_plugin_that_has_no_sections_excuses_no_mistyped_one(rig: Rig) -> None:
    rig.plugin("greet", extends=["routes"], bundled=True, raises=ImportError())
    with pytest.raises(ConfigurationError, match=r"^greeting: no installed plugin"):
        rig.plan({"greeting": {"text": "Hi"}})


def test_the_section_of_a_plugin_that_waits_for_consent_says_how_to_give_it(rig: Rig) -> None:
    rig.plugin("greeting", extends=["sections"])
    with pytest.raises(ConfigurationError, match=r'^greeting: the plugin \'greeting\' is off: .*enable = \["greeting"'):
        rig.plan({"greeting": {"text": "Hi"}})


# --- services


def notes(rig: Rig, config: type[BaseModel] = Greeting) -> ServiceType:
    return rig.service("notes", Notes(), provides=[Notes], config=config)


def test_a_service_is_configured_by_its_name_or_by_its_defaults(rig: Rig) -> None:
    rig.plugin("notes", extends=["services"], bundled=True, services=[notes(rig)])
    assert [config for _, _, config in rig.plan().services] == [Greeting()]
    assert [config for _, _, config in rig.plan({"services": {"notes": {"text": "Hi"}}}).services] == [
        Greeting(text="Hi")
    ]


def test_settings_of_a_service_that_is_not_installed_are_an_error(rig: Rig) -> None:
    rig.plugin("notes", extends=["services"], bundled=True, services=[notes(rig)])
    with pytest.raises(
        ConfigurationError, match=r"^services\.nots: no installed plugin has a service .*\(known here: n"
    ):
        rig.plan({"services": {"nots": {}}})


def test_a_key_that_a_service_does_not_have_is_an_error(rig: Rig) -> None:
    rig.plugin("notes", extends=["services"], bundled=True, services=[notes(rig)])
    with pytest.raises(ConfigurationError, match=r"^services\.notes\.txt: unknown key"):
        rig.plan({"services": {"notes": {"txt": 1}}})


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (Demanding, "services.notes.text: missing"),
        (Contradicts, "services.notes: never right"),
        (Crashes, "services.notes: checking it failed (LookupError)"),
    ],
)
def test_a_service_that_needs_configuration_and_has_none_costs_itself_alone(
    rig: Rig, config: type[BaseModel], why: str
) -> None:
    rig.plugin("notes", extends=["services"], bundled=True, services=[notes(rig, config)], providers=[talker(rig)])
    plan = rig.plan()
    assert plan.services == []
    assert list(plan.types) == ["echo"]
    assert plan.plugins.all[0].status().reason == f"notes: it needs to be configured ({why})"


def test_two_services_of_one_name_set_the_second_plugin_aside(rig: Rig) -> None:
    rig.plugin("one", extends=["services"], bundled=True, services=[notes(rig)])
    rig.plugin("two", extends=["services"], bundled=True, services=[notes(rig)])
    plan = rig.plan()
    assert [plugin.name for plugin, _, _ in plan.services] == ["one"]
    assert plan.plugins.all[1].reason == "the service 'notes' is taken by rig-one"


# --- a plugin that fails late


def test_of_a_plugin_whose_second_hook_fails_nothing_is_used(rig: Rig) -> None:
    def raises() -> Any:
        raise LookupError("bug")

    rig.plugin("half", extends=["services"], bundled=True, providers=[talker(rig)], services=raises)
    plan = rig.plan({"providers": {"gpu0": {"type": "echo"}}})
    assert plan.types == {}
    assert plan.instances["gpu0"].reason == "its hook dinrail_services failed (LookupError: bug)"


# --- routes


def test_routes_are_those_of_all_enabled_plugins(rig: Rig) -> None:
    rig.plugin("a", extends=["routes"], bundled=True, routes=[route("GET", "/a"), route("POST", "/a")])
    rig.plugin("b", extends=["routes"], bundled=True, routes=[route("GET", "/b/{id}")])
    rig.plugin("c", extends=["routes"], routes=[route("GET", "/c")])
    found = operations(Host(rig.plan()).routes())
    assert [(one.method, one.path) for one in found] == [("GET", "/a"), ("POST", "/a"), ("GET", "/b/{id}")]


@pytest.mark.parametrize(
    ("first", "second", "rival"),
    [
        ("/v1/x", "/v1/x", True),
        ("/v1/{id}", "/v1/{name}", True),
        ("/v1/{id:path}", "/v1/{name:path}", True),
        ("/v1/{id}", "/v1/{id:path}", False),
        ("/v1/{id}/a", "/v1/{id}/b", False),
    ],
)
def test_a_route_that_matches_the_same_paths_sets_the_second_plugin_aside(
    rig: Rig, first: str, second: str, rival: bool
) -> None:
    rig.plugin("one", extends=["routes"], bundled=True, routes=[route("GET", first)])
    rig.plugin("two", extends=["routes"], bundled=True, routes=[route("GET", "/other"), route("GET", second)])
    plan = rig.plan()
    found = [one.path for one in operations(Host(plan).routes())]
    assert found == ([first] if rival else [first, "/other", second])
    if rival:
        reason = plan.plugins.all[1].reason
        assert reason is not None
        assert reason.endswith("is taken by rig-one")


async def test_the_routes_of_a_plugin_stay_when_one_of_its_instances_fails(rig: Rig) -> None:
    rig.plugin(
        "both",
        extends=["routes"],
        bundled=True,
        routes=[route("GET", "/a")],
        providers=[rig.provider("echo", OSError("down"), apis=[Talks])],
    )
    async with rig.host({"providers": {"gpu0": {"type": "echo"}}}) as host:
        assert [one.path for one in operations(host.routes())] == ["/a"]


def test_routes_are_not_asked_for_by_a_plan(rig: Rig) -> None:
    def raises() -> Any:
        raise AssertionError("asked for")

    rig.plugin("a", extends=["routes", "commands"], bundled=True, routes=raises, commands=raises)
    assert rig.plan().plugins.all[0].reason is None


# --- opening and closing


async def test_providers_are_closed_behind_the_services_that_use_them(rig: Rig) -> None:
    rig.plugin("echo", providers=[talker(rig)])
    rig.plugin("notes", extends=["services"], bundled=True, services=[notes(rig)])
    async with rig.host({"providers": {"gpu0": {"type": "echo"}}}) as host:
        await host.rail.service(Notes)
    assert rig.events == ["open echo", "open notes", "close notes", "close echo"]


async def test_without_services_none_is_opened_or_found(rig: Rig) -> None:
    rig.plugin(
        "notes", extends=["services"], bundled=True, services=[rig.service("n", Notes(), provides=[Notes], eager=True)]
    )
    async with Host.open(rig.plan(), services=False) as host:
        assert not host.rail.provides(Notes)
        with pytest.raises(NothingServes):
            await host.rail.service(Notes)
    assert rig.events == []


async def test_a_start_that_fails_closes_what_was_opened(rig: Rig) -> None:
    error = ConfigurationError("run the migration first")
    rig.plugin("echo", providers=[talker(rig)])
    rig.plugin(
        "notes", extends=["services"], bundled=True, services=[rig.service("n", error, provides=[Notes], eager=True)]
    )
    with pytest.raises(ConfigurationError):
        async with rig.host({"providers": {"gpu0": {"type": "echo"}}}):
            pass
    assert rig.events == ["open echo", "open n", "close echo"]


async def test_a_start_that_is_cancelled_leaves_nothing_behind(rig: Rig) -> None:
    entered = asyncio.Event()

    @asynccontextmanager
    async def hangs(config: Any, context: Context) -> AsyncIterator[object]:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            rig.events.append("gave up")
        yield Talks()

    rig.plugin("echo", providers=[talker(rig)])
    rig.plugin("hang", providers=[ProviderType(name="hang", config=Greeting, apis=frozenset({Talks}), open=hangs)])

    async def start() -> None:
        async with rig.host({"providers": {"gpu0": {"type": "echo"}, "gpu1": {"type": "hang"}}}):
            raise AssertionError("it cannot have started")

    starting = asyncio.create_task(start())
    await entered.wait()
    starting.cancel()
    async with asyncio.timeout(2):
        with pytest.raises(asyncio.CancelledError):
            await starting
    assert sorted(rig.events) == ["close echo", "gave up", "open echo"]
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("dinrail")] == []


async def test_an_error_in_the_body_still_closes_everything(rig: Rig) -> None:
    rig.plugin("echo", providers=[talker(rig)])
    with pytest.raises(LookupError):
        async with rig.host({"providers": {"gpu0": {"type": "echo"}}}):
            raise LookupError
    assert rig.events == ["open echo", "close echo"]


async def test_a_host_shows_what_it_was_made_from(rig: Rig) -> None:
    section_plugin(rig)
    async with rig.host() as host:
        assert host.settings is host.plan.settings
        assert host.sections == {"greeting": Greeting()}


def test_a_plan_finds_the_installed_plugins_by_itself(rig: Rig) -> None:
    assert [plugin.installed for plugin in Plan(rig.settings(), {}).plugins.all] == [
        plugin.installed for plugin in Plugins().all
    ]


# --- model libraries


class Library(ModelLibrary):
    async def pull(self, name: str) -> AsyncGenerator[PullProgress, None]:
        yield PullProgress(1, 1)


async def test_a_library_is_found_by_the_name_of_its_instance(rig: Rig) -> None:
    library = Library()
    rig.plugin("lib", providers=[rig.provider("lib", library, apis=[ModelLibrary]), talker(rig)])
    async with rig.host({"providers": {"a": {"type": "lib"}, "b": {"type": "echo"}}}) as host:
        assert host.library("a") is library
        for name in ("b", "c"):
            with pytest.raises(NotFound, match=f"There is no provider '{name}' that fetches models"):
                host.library(name)


async def test_a_library_that_could_not_be_opened_is_unavailable(rig: Rig) -> None:
    rig.plugin("lib", providers=[rig.provider("lib", OSError("disk full"), apis=[ModelLibrary])])
    async with rig.host({"providers": {"a": {"type": "lib"}}}) as host:
        with pytest.raises(Unavailable, match="disk full"):
            host.library("a")


# --- commands


def test_a_command_is_a_record_like_the_others(rig: Rig) -> None:
    one = Command(name="hello", summary="", configure=lambda parser: None, run=lambda arguments: 0)
    rig.plugin("one", extends=["commands"], bundled=True, commands=[one])
    rig.plugin("two", extends=["commands"], bundled=True, commands=[one])
    plugins = rig.plugins()
    plugins.load()
    plugins.records("commands", lambda record: f"the command '{record.name}'", Command)
    assert plugins.all[1].reason == "the command 'hello' is taken by rig-one"


def test_the_data_folder_is_this_tests_own(rig: Rig, tmp_path: Path) -> None:
    assert rig.settings().data_dir.is_relative_to(tmp_path)
