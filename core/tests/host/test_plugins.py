from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest

from dinrail_core import PLUGIN_API
from dinrail_core.errors import ConfigurationError
from dinrail_core.hooks import Command, ProviderType, hookimpl
from dinrail_core.host.plugins import PluginState

if TYPE_CHECKING:
    from conftest import Rig


class Talks:
    pass


def states(rig: Rig, **wanted: Iterable[str]) -> dict[str, PluginState]:
    plugins = rig.plugins(**wanted)
    plugins.load()
    return {plugin.name: plugin.state for plugin in plugins.all}


def reason(rig: Rig, name: str) -> str:
    """Why the plugin was set aside once it was loaded and asked for its provider types."""
    plugins = rig.plugins()
    plugins.load()
    list(plugins.records("providers", lambda record: f"the provider type '{record.name}'", ProviderType))
    (plugin,) = (plugin for plugin in plugins.all if plugin.installed.distribution == f"rig-{name}")
    assert plugin.state is PluginState.FAILED
    assert plugin.reason is not None
    return plugin.reason


# --- consent


def test_a_plugin_that_only_calls_out_is_enabled_by_being_installed(rig: Rig) -> None:
    rig.plugin("echo")
    assert states(rig) == {"echo": PluginState.ENABLED}
    assert rig.imported == ["0_echo"]


@pytest.mark.parametrize("hook", ["routes", "services", "sections", "commands"])
def test_a_plugin_that_extends_the_server_is_off_and_not_imported_until_it_is_named(rig: Rig, hook: str) -> None:
    rig.plugin("wide", extends=[hook])
    assert states(rig) == {"wide": PluginState.OFF}
    assert rig.imported == []
    assert states(rig, enable=["wide"]) == {"wide": PluginState.ENABLED}
    assert rig.imported == ["0_wide"]


def test_a_plugin_that_is_off_says_what_it_adds_and_how_to_allow_it(rig: Rig) -> None:
    rig.plugin("wide", extends=["routes", "commands"])
    status = rig.plugins().all[0].status()
    assert (status.state, status.extends) == ("off", ["commands", "routes"])
    assert status.reason == 'it adds commands, routes; to allow that: [plugins] enable = ["wide"]'


def test_a_plugin_of_the_bundle_may_extend_the_server(rig: Rig) -> None:
    rig.plugin("server", extends=["routes"], bundled=True)
    assert states(rig) == {"server": PluginState.ENABLED}


@pytest.mark.parametrize("bundled", [True, False])
@pytest.mark.parametrize("extends", [[], ["routes"]])
def test_a_disabled_plugin_is_never_imported_whatever_it_is(rig: Rig, bundled: bool, extends: list[str]) -> None:
    rig.plugin("echo", bundled=bundled, extends=extends)
    assert states(rig, disable=["echo"], enable=["echo"]) == {"echo": PluginState.DISABLED}
    assert rig.imported == []


@pytest.mark.parametrize("key", ["enable", "disable"])
def test_naming_a_plugin_that_is_not_installed_is_an_error_of_the_configuration(rig: Rig, key: str) -> None:
    rig.plugin("echo")
    with pytest.raises(ConfigurationError, match=rf"^plugins\.{key}: no plugin named 'ecko' is installed$"):
        rig.plugins(**{key: ["ecko"]})


def test_a_plugin_that_widens_more_than_its_metadata_says_is_refused(rig: Rig) -> None:
    rig.plugin("sly", extends=["commands"], bundled=True, commands=[], routes=[])
    assert reason(rig, "sly") == (
        "it adds routes without saying so in its metadata (entry-point group dinrail.extends)"
    )


def test_a_hook_under_another_name_is_still_seen_as_widening(rig: Rig) -> None:
    called = []

    @hookimpl(specname="dinrail_routes")
    def harmless() -> list[object]:
        called.append("routes")
        return []

    rig.plugin("sly", members={"harmless": harmless})
    assert "it adds routes without saying so" in reason(rig, "sly")
    assert called == []


# --- import and version


@pytest.mark.parametrize(
    "error",
    [RuntimeError("no CUDA"), SystemExit(3), ModuleNotFoundError("No module named 'x'"), BaseException("panic")],
    ids=["raises", "exits", "lacks a module", "panics"],
)
def test_a_plugin_that_cannot_be_imported_costs_itself_alone(rig: Rig, error: BaseException) -> None:
    rig.plugin("broken", raises=error)
    rig.plugin("echo")
    assert states(rig) == {"broken": PluginState.FAILED, "echo": PluginState.ENABLED}
    assert reason(rig, "broken") == f"it cannot be imported ({type(error).__name__}: {error})"


def test_ctrl_c_while_plugins_are_imported_still_ends_the_program(rig: Rig) -> None:
    rig.plugin("slow", raises=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        rig.plugins().load()


def test_a_reason_is_one_line_of_bounded_length(rig: Rig) -> None:
    rig.plugin("wordy", raises=RuntimeError("much\nto\tsay " * 1000))
    text = reason(rig, "wordy")
    assert len(text) < 400
    assert "\n" not in text


@pytest.mark.parametrize(
    "stated",
    [">=1.0", ">=1.0,<2", "<2", "==1.0", "<=1.0", ">0.9", " >= 1.0 , < 2 ", ">=1", "<1.1", ">=0.5,<=1"],
)
def test_a_range_that_contains_this_core_fits(rig: Rig, stated: str) -> None:
    assert PLUGIN_API == (1, 0)
    rig.plugin("echo", api=stated)
    assert states(rig) == {"echo": PluginState.ENABLED}


@pytest.mark.parametrize("stated", [">=2", ">=1.1", "<1", "==0.9", ">1.0", "<=0.9", ">=1.0,<1.0", ">=0.1,<0.2"])
def test_a_plugin_built_for_another_core_is_refused_in_one_sentence(rig: Rig, stated: str) -> None:
    rig.plugin("old", api=stated)
    assert reason(rig, "old") == f"it was built for plugin API {stated}, this core has 1.0"


@pytest.mark.parametrize("stated", ["", "one", "~=1.0", ">=1.0;<2", "1.0", ">=1.0.0", ",", ">=1.0,"])
def test_a_range_that_cannot_be_read_is_refused(rig: Rig, stated: str) -> None:
    rig.plugin("odd", api=stated)
    assert "a plugin API that cannot be read" in reason(rig, "odd")


@pytest.mark.parametrize("stated", [None, 1, (1, 0), b">=1.0"])
def test_a_plugin_that_states_no_range_is_told_how(rig: Rig, stated: object) -> None:
    rig.plugin("mute", api=stated)
    assert 'DINRAIL_API = ">=1.0,<2"' in reason(rig, "mute")


# --- hooks


def test_an_unknown_hook_costs_the_plugin_that_implements_it(rig: Rig) -> None:
    rig.plugin("newer", weather=[])
    assert reason(rig, "newer") == "it implements a hook that this core does not have: dinrail_weather"


def test_a_marked_function_without_the_prefix_is_an_unknown_hook_too(rig: Rig) -> None:
    @hookimpl
    def providers() -> list[object]:
        return []

    rig.plugin("worse", members={"providers": providers})
    assert reason(rig, "worse") == "it implements a hook that this core does not have: providers"


def test_a_hook_with_arguments_that_this_core_does_not_pass_is_refused(rig: Rig) -> None:
    def dinrail_providers(context: object) -> list[object]:
        return []

    rig.plugin("newer", members={"dinrail_providers": hookimpl(dinrail_providers)})
    assert reason(rig, "newer").startswith("its hooks do not fit this core (PluginValidationError: ")


async def _coroutine() -> list[object]:
    return []


async def _generator() -> Any:
    yield None


@pytest.mark.parametrize("hook", [_coroutine, _generator])
def test_an_async_hook_is_refused_without_being_called(rig: Rig, hook: Any) -> None:
    rig.plugin("late", providers=hook)
    assert reason(rig, "late") == "a hook must not be async: dinrail_providers"


def test_two_entry_points_for_one_module_set_the_second_aside(rig: Rig) -> None:
    first = rig.plugin("one")
    second = rig.plugin("two")
    rig.installed[1] = type(second)("two", second.distribution, "1", first.module, second.extends, bundled=False)
    assert states(rig) == {"one": PluginState.ENABLED, "two": PluginState.FAILED}


def _raises() -> Iterable[object]:
    raise LookupError("lost")


def _raises_midway() -> Iterable[object]:
    yield from ()
    raise LookupError("lost")


def _exits() -> Iterable[object]:
    raise SystemExit(1)


def _cancels() -> Iterable[object]:
    raise asyncio.CancelledError


@pytest.mark.parametrize("hook", [_raises, _raises_midway, _exits, _cancels])
def test_a_hook_that_raises_costs_its_plugin_alone(rig: Rig, hook: Any) -> None:
    rig.plugin("broken", providers=hook)
    rig.plugin("echo", providers=[rig.provider("echo", Talks(), apis=[Talks])])
    assert reason(rig, "broken").startswith("its hook dinrail_providers failed (")
    plugins = rig.plugins()
    plugins.load()
    found = plugins.records("providers", lambda record: record.name, ProviderType)
    assert [record.name for _, record in found] == ["echo"]


@pytest.mark.parametrize("answer", [None, 3, object()])
def test_a_hook_that_returns_nothing_to_iterate_over_costs_its_plugin(rig: Rig, answer: object) -> None:
    rig.plugin("rubbish", providers=lambda: answer)
    assert reason(rig, "rubbish").startswith("its hook dinrail_providers failed (TypeError: ")


@pytest.mark.parametrize("record", [None, "echo", 3, Talks, {"name": "echo"}])
def test_a_hook_that_returns_anything_but_records_costs_its_plugin(rig: Rig, record: object) -> None:
    rig.plugin("rubbish", providers=[record])
    assert reason(rig, "rubbish") == (
        f"its hook dinrail_providers returned a {type(record).__name__}, not a ProviderType"
    )


def test_a_hook_may_return_no_records(rig: Rig) -> None:
    rig.plugin("modest", providers=[])
    assert states(rig) == {"modest": PluginState.ENABLED}


# --- names


def test_a_name_taken_by_another_distribution_sets_the_second_aside_and_names_the_first(rig: Rig) -> None:
    rig.plugin("echo", distribution="rig-first")
    rig.plugin("echo", distribution="rig-second")
    assert reason(rig, "second") == "the name 'echo' is taken by rig-first"
    assert rig.imported == ["0_echo"]


def test_a_record_of_a_taken_name_sets_its_plugin_aside_with_all_its_records(rig: Rig) -> None:
    echo = rig.provider("echo", Talks(), apis=[Talks])
    other = rig.provider("other", Talks(), apis=[Talks])
    rig.plugin("first", providers=[echo])
    rig.plugin("second", providers=[other, echo])
    assert reason(rig, "second") == "the provider type 'echo' is taken by rig-first"
    plugins = rig.plugins()
    plugins.load()
    found = plugins.records("providers", lambda record: f"the provider type '{record.name}'", ProviderType)
    assert [(plugin.name, record.name) for plugin, record in found] == [("first", "echo")]


def test_the_names_of_a_refused_plugin_stay_free(rig: Rig) -> None:
    echo = rig.provider("echo", Talks(), apis=[Talks])
    other = rig.provider("other", Talks(), apis=[Talks])
    rig.plugin("first", providers=[echo])
    rig.plugin("second", providers=[other, echo])
    rig.plugin("third", providers=[other])
    plugins = rig.plugins()
    plugins.load()
    found = plugins.records("providers", lambda record: f"the provider type '{record.name}'", ProviderType)
    assert [(plugin.name, record.name) for plugin, record in found] == [("first", "echo"), ("third", "other")]


def test_one_plugin_may_not_return_two_records_of_one_name(rig: Rig) -> None:
    echo = rig.provider("echo", Talks(), apis=[Talks])
    rig.plugin("double", providers=[echo, echo])
    assert reason(rig, "double") == "its hook dinrail_providers returned two records of one name"


def test_the_first_reason_is_the_one_that_is_kept(rig: Rig) -> None:
    rig.plugin("echo")
    plugin = rig.plugins().all[0]
    plugin.fail("first")
    plugin.fail("second")
    assert plugin.status().reason == "first"


def test_a_plugin_that_lost_a_part_shows_which_and_why(rig: Rig) -> None:
    rig.plugin("echo")
    plugin = rig.plugins().all[0]
    plugin.faults["gpu0"] = "it hangs"
    plugin.faults["gpu1"] = "it burns"
    assert plugin.state is PluginState.ENABLED
    assert (plugin.status().state, plugin.status().reason) == ("failed", "gpu0: it hangs; gpu1: it burns")


# --- what is imported


def test_only_plugins_that_add_commands_are_imported_for_the_command_line(rig: Rig) -> None:
    run = Command(name="hello", summary="", configure=lambda parser: None, run=lambda arguments: 0)
    rig.plugin("echo")
    rig.plugin("routes", extends=["routes"], bundled=True)
    rig.plugin("hello", extends=["commands"], bundled=True, commands=[run])
    plugins = rig.plugins()
    plugins.load(extending="commands")
    assert rig.imported == ["2_hello"]
    found = plugins.records("commands", lambda record: record.name, Command)
    assert [record.name for _, record in found] == ["hello"]


def test_loading_twice_imports_nothing_twice(rig: Rig) -> None:
    rig.plugin("hello", extends=["commands"], bundled=True)
    rig.plugin("echo")
    plugins = rig.plugins()
    plugins.load(extending="commands")
    plugins.load()
    plugins.load()
    assert rig.imported == ["0_hello", "1_echo"]
    assert all(plugin.state is PluginState.ENABLED for plugin in plugins.all)


def test_looking_at_what_is_installed_imports_nothing(rig: Rig) -> None:
    rig.plugin("echo")
    rig.plugin("server", extends=["routes"], bundled=True)
    assert [plugin.status().state for plugin in rig.plugins().all] == ["enabled", "enabled"]
    assert rig.imported == []
