"""What being installed is enough for, and what it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Machine

pytestmark = pytest.mark.xdist_group("installed plugins")

ECHO = """
@hookimpl
def dinrail_providers():
    yield provider("rig-echo")
"""

WIDE = """
from pathlib import Path

Path("imported").write_text("")

async def hello(exchange):
    return Answer.of(Config())

@hookimpl
def dinrail_routes():
    yield Route(method="GET", path="/v1/hello", handler=hello, summary="Greet", tag="Hello", answer=Config)
"""

BOMB = """
from pathlib import Path

Path("imported").write_text(__name__)
raise SystemExit("imported although it was not enabled")
"""

MANY = 50


@pytest.fixture(scope="module")
def crowded(machine: Machine) -> Machine:
    """A machine with a provider, a plugin that adds a route, and fifty that must not be imported."""
    machine.wheel("rig-echo", ECHO)
    machine.wheel("rig-wide", WIDE, extends=["routes"])
    for number in range(MANY):
        # Half of them wait for consent, half are disabled.
        machine.wheel(f"rig-bomb-{number}", BOMB, extends=["routes"] if number % 2 else [])
    machine.install()
    return machine


def disabled() -> list[str]:
    return [f"rig-bomb-{number}" for number in range(0, MANY, 2)]


def test_a_provider_of_a_third_party_answers_once_it_is_installed(crowded: Machine) -> None:
    crowded.configure(disable=disabled())
    with crowded.serving() as server:
        assert server.chat("rig-echo/parrot", "Hello") == "Hello"
        _, body = server.get("/v1/providers")
        (provider,) = body["data"]
        assert (provider["id"], provider["distribution"], provider["version"]) == ("rig-echo", "rig-echo", "1.2.3")
        assert (provider["status"], provider["apis"], provider["models"]) == ("ready", ["ChatModel"], 1)
        assert server.get("/v1/hello")[0] == 404
    assert not (crowded.here / "imported").exists()


def test_a_plugin_that_adds_a_route_serves_it_once_the_operator_names_it(crowded: Machine) -> None:
    crowded.configure(disable=disabled(), enable=["rig-wide"])
    with crowded.serving() as server:
        assert server.get("/v1/hello") == (200, {})
    (crowded.here / "imported").unlink()


@pytest.mark.parametrize(
    "arguments", [("plugins", "--installed"), ("plugins", "--installed", "--json"), ("plugins", "freeze"), ("--help",)]
)
def test_what_reads_metadata_imports_no_plugin_at_all(crowded: Machine, arguments: tuple[str, ...]) -> None:
    crowded.configure()
    out = crowded.run(*arguments)
    assert not (crowded.here / "imported").exists()
    assert ("rig-echo" in out) == (arguments != ("--help",))


def test_what_is_not_enabled_is_listed_and_not_imported(crowded: Machine) -> None:
    crowded.configure(disable=disabled())
    lines = [line.split() for line in crowded.run("plugins").splitlines()]
    states = {name: rest for name, *rest in lines if name.startswith("rig-")}
    assert len(states) == MANY + 2
    assert [name for name, rest in states.items() if "enabled" in rest] == ["rig-echo"]
    assert [name for name, rest in states.items() if "failed:" in rest] == []
    assert not (crowded.here / "imported").exists()


def test_fifty_more_plugins_that_are_not_enabled_cost_little_to_look_at(crowded: Machine) -> None:
    """The budget for a whole start is 0.3 s; looking at them is nearly all of it."""
    crowded.configure()
    script = """
        import time
        from dinrail_core.host import Plugins

        Plugins(disable=())
        began = time.process_time()
        plugins = Plugins()
        print(time.process_time() - began)
        assert len(plugins.all) > 50
    """
    assert min(float(crowded.python(script)) for _ in range(3)) < 0.15
