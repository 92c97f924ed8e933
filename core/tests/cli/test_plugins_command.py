from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Program

ECHO = """
class Talks:
    pass

@asynccontextmanager
async def opening(config, context):
    {body}
    yield Talks()

@hookimpl
def dinrail_providers():
    yield ProviderType(name="{name}", config=Empty, apis={{Talks}}, open=opening, detect={detect})
"""

WIDE = """
async def handle(exchange):
    raise NotImplementedError

@hookimpl
def dinrail_routes():
    yield Route(method="GET", path="{path}", handler=handle, summary="", tag="")
"""


def echo(name: str = "echo", body: str = "pass", detect: str = "None") -> str:
    return ECHO.format(name=name, body=body, detect=detect)


def test_each_plugin_is_a_line_with_its_distribution_its_kind_and_what_became_of_it(program: Program) -> None:
    program.install("good", echo("good"))
    program.install("bad", "raise ImportError('no CUDA')")
    program.install("off", WIDE.format(path="/off"), extends=["routes"])
    program.install("unwanted", echo("unwanted"))
    program.install("wide", WIDE.format(path="/wide"), extends=["routes"], bundled=True)
    program.configure("[plugins]\ndisable = ['unwanted']\n")
    done = program("plugins")
    assert (done.code, done.err) == (0, "")
    head, *lines = [line.split() for line in done.out.splitlines()]
    assert head == ["PLUGIN", "DISTRIBUTION", "KIND", "STATE"]
    found = {name: " ".join(rest) for name, *rest in lines}
    assert found == {
        "wide": "cli-wide 1.2.3 adds routes enabled",
        "bad": "cli-bad 1.2.3 provider failed: it cannot be imported (ImportError: no CUDA)",
        "good": "cli-good 1.2.3 provider enabled",
        "off": 'cli-off 1.2.3 adds routes off: it adds routes; to allow that: [plugins] enable = ["off"]',
        "unwanted": "cli-unwanted 1.2.3 provider disabled: disabled in the configuration",
    }


def test_what_only_shows_when_it_is_opened_is_shown(program: Program) -> None:
    program.install("bad", echo("bad", body="raise OSError('port taken')"))
    program.configure("[providers.gpu0]\ntype = 'bad'\n")
    assert "failed: gpu0: opening it failed (OSError: port taken)" in program("plugins").out


def test_what_only_shows_when_routes_are_asked_for_is_shown(program: Program) -> None:
    program.install("wide", WIDE.format(path="no-slash"), extends=["routes"], bundled=True)
    assert "returned a Route whose path 'no-slash' does not begin with '/'" in program("plugins").out


def test_what_is_detected_is_opened_too(program: Program) -> None:
    program.install("bad", echo("bad", body="raise OSError('port taken')", detect="lambda environment: {}"))
    assert "failed: bad: opening it failed" in program("plugins").out


def test_services_are_not_opened_by_looking(program: Program) -> None:
    source = """
    class Notes:
        pass

    @asynccontextmanager
    async def opening(config, context):
        raise AssertionError("opened")
        yield

    @hookimpl
    def dinrail_services():
        yield ServiceType(
            name="notes", config=Empty, provides={Notes}, open=opening, eager=lambda config, context: True
        )
    """
    program.install("notes", source, extends=["services"], bundled=True)
    done = program("plugins")
    assert (done.code, "failed" in done.out) == (0, False)


def test_installed_reads_metadata_alone(program: Program) -> None:
    program.install("bomb", "raise SystemExit('imported')")
    program.install("wide", "raise SystemExit('imported')", extends=["routes", "services"], bundled=True)
    done = program("plugins", "--installed")
    assert (done.code, done.err) == (0, "")
    assert not program.imported("bomb")
    assert not program.imported("wide")
    assert "adds routes, services" in done.out
    assert "imported" not in done.out


def test_for_programs_it_is_json(program: Program) -> None:
    program.install("bad", "raise ImportError('no CUDA')")
    program.install("wide", WIDE.format(path="/wide"), extends=["routes"])
    for arguments in (["plugins", "--json"], ["plugins", "--installed", "--json"]):
        found = json.loads(program(*arguments).out)
        assert [plugin["id"] for plugin in found] == ["bad", "wide"]
        assert found[1] == {
            "id": "wide",
            "object": "plugin",
            "distribution": "cli-wide",
            "version": "1.2.3",
            "state": "off",
            "reason": 'it adds routes; to allow that: [plugins] enable = ["wide"]',
            "extends": ["routes"],
        }
    assert json.loads(program("plugins", "--json").out)[0]["state"] == "failed"


def test_without_plugins_there_is_only_the_head(program: Program) -> None:
    done = program("plugins")
    assert (done.code, done.out) == (0, "PLUGIN  DISTRIBUTION  KIND  STATE\n")


@pytest.mark.parametrize("arguments", [["plugins"], ["plugins", "--installed"]], ids=" ".join)
def test_naming_a_plugin_that_is_not_installed_is_an_error(program: Program, arguments: list[str]) -> None:
    program.configure("[plugins]\nenable = ['nope']\n")
    done = program(*arguments)
    assert (done.code, done.err) == (1, "dinrail: plugins.enable: no plugin named 'nope' is installed\n")
