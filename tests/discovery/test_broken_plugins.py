"""Eight kinds of broken plugin, and variations of them, each from an installed wheel beside good ones."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Machine, Server

# All of this module needs one server, whose start takes the ten seconds that a hanging plugin is given.
pytestmark = pytest.mark.xdist_group("broken plugins")


@dataclass(frozen=True)
class Broken:
    """A plugin that must cost nothing but itself.

    Attributes:
        source: Its module.
        reason: What is shown of it.
        plugin: Its entry point's name, where that is not its distribution's.
        instance: Whether an instance of it comes to be, which is shown as failed too.
    """

    source: str
    reason: str
    plugin: str | None = None
    instance: bool = False


HANGS = """
@asynccontextmanager
async def hanging(config, context):
    await asyncio.Event().wait()
    yield

@hookimpl
def dinrail_providers():
    yield provider("rig-hangs", open=hanging)
"""

RAISES = """
@asynccontextmanager
async def raising(config, context):
    raise OSError("port taken")
    yield

@hookimpl
def dinrail_providers():
    yield provider("rig-raises", open=raising)
"""

YIELDS = """
@hookimpl
def dinrail_providers():
    yield provider({arguments})
"""

BROKEN = {
    # The eight kinds.
    "rig-import": Broken("raise RuntimeError('no CUDA')", r"it cannot be imported \(RuntimeError: no CUDA\)"),
    "rig-version": Broken(
        'DINRAIL_API = ">=99,<100"', r"it was built for plugin API >=99,<100, this core has \d+\.\d+"
    ),
    "rig-hook": Broken(
        "@hookimpl\ndef dinrail_weather():\n    return []",
        "it implements a hook that this core does not have: dinrail_weather",
    ),
    "rig-hangs": Broken(HANGS, "rig-hangs: opening it took longer than 10 s", instance=True),
    "rig-raises": Broken(RAISES, r"rig-raises: opening it failed \(OSError: port taken\)", instance=True),
    "rig-twin": Broken("", "the name 'rig-good' is taken by rig-good", plugin="rig-good"),
    "rig-exit-in-hook": Broken(
        "import sys\n\n@hookimpl\ndef dinrail_providers():\n    sys.exit(3)",
        r"its hook dinrail_providers failed \(SystemExit: 3\)",
    ),
    "rig-config": Broken(
        YIELDS.format(arguments='"rig-config", detect=lambda environment: {"port": "many"}'),
        r"rig-config: what it detects does not fit its own configuration \(port: unknown key \(known here: \)\)",
    ),
    # Variations.
    "rig-exit-on-import": Broken("raise SystemExit('bye')", r"it cannot be imported \(SystemExit: bye\)"),
    "rig-panic": Broken(
        "class Panic(BaseException):\n    pass\n\nraise Panic('index out of bounds')",
        r"it cannot be imported \(Panic: index out of bounds\)",
    ),
    "rig-syntax": Broken("def (", r"it cannot be imported \(SyntaxError: .*"),
    "rig-no-model": Broken(
        YIELDS.format(arguments='"rig-no-model", config=dict'),
        "its hook dinrail_providers returned a ProviderType 'rig-no-model' whose config is no pydantic model",
    ),
    "rig-taken": Broken(YIELDS.format(arguments='"rig-good"'), "the provider type 'rig-good' is taken by rig-good"),
    "rig-rubbish": Broken(
        "@hookimpl\ndef dinrail_providers():\n    return ['rig']",
        "its hook dinrail_providers returned a str, not a ProviderType",
    ),
    "rig-exit-in-open": Broken(
        RAISES.replace('raise OSError("port taken")', "raise SystemExit(4)").replace("rig-raises", "rig-exit-in-open"),
        r"rig-exit-in-open: opening it failed \(SystemExit: 4\)",
        instance=True,
    ),
    "rig-liar": Broken(
        YIELDS.format(arguments='"rig-liar", apis={ChatModel, ModelSource, str}'),
        "rig-liar: it declares str, but what it opens is none",
        instance=True,
    ),
    "rig-sly": Broken(
        "@hookimpl\ndef dinrail_routes():\n    return []",
        r"it adds routes without saying so in its metadata \(entry-point group dinrail\.extends\)",
    ),
}

GOOD = YIELDS.format(arguments='"rig-good"')


@dataclass(frozen=True)
class Seen:
    """What the program and the server say, both started at once since each takes ten seconds."""

    table: str
    server: Server
    seconds: float


@pytest.fixture(scope="module")
def seen(machine: Machine) -> Iterator[Seen]:
    machine.wheel("rig-good", GOOD)
    for distribution, broken in BROKEN.items():
        machine.wheel(distribution, broken.source, plugin=broken.plugin)
    machine.install()
    machine.configure("[providers.gpu0]\ntype = 'rig-import'\nbase_url = 'http://gpu0'\n")
    began = time.monotonic()
    with machine.start("plugins") as listing, machine.serving() as server:
        seconds = time.monotonic() - began
        table, errors = listing.communicate(timeout=60)
        assert (listing.returncode, errors) == (0, "")
        yield Seen(table, server, seconds)


def of(plugins: list[dict[str, Any]], distribution: str) -> dict[str, Any]:
    (one,) = (plugin for plugin in plugins if plugin["distribution"] == distribution)
    return one


@pytest.mark.parametrize("distribution", BROKEN)
def test_the_program_shows_its_distribution_and_the_reason(seen: Seen, distribution: str) -> None:
    broken = BROKEN[distribution]
    (line,) = (line for line in seen.table.splitlines() if f" {distribution} 1.2.3 " in line)
    assert line.split()[0] == (broken.plugin or distribution)
    assert re.search(rf" failed: {broken.reason}$", line), line


@pytest.mark.parametrize("path", ["/v1/providers", "/readyz"])
@pytest.mark.parametrize("distribution", BROKEN)
def test_the_server_shows_its_distribution_and_the_reason(seen: Seen, path: str, distribution: str) -> None:
    broken = BROKEN[distribution]
    status, body = seen.server.get(path)
    assert status == 200
    plugin = of(body["plugins"], distribution)
    assert (plugin["id"], plugin["version"], plugin["state"]) == (broken.plugin or distribution, "1.2.3", "failed")
    assert re.fullmatch(broken.reason, plugin["reason"]), plugin


@pytest.mark.parametrize("path", ["/v1/providers", "/readyz"])
def test_good_plugins_are_enabled(seen: Seen, path: str) -> None:
    _, body = seen.server.get(path)
    good = of(body["plugins"], "rig-good")
    assert (good["id"], good["state"], good["reason"]) == ("rig-good", "enabled", None)
    failed = {plugin["distribution"] for plugin in body["plugins"] if plugin["state"] == "failed"}
    assert failed == BROKEN.keys()


def test_instances_are_shown_failed_where_there_is_one(seen: Seen) -> None:
    _, body = seen.server.get("/v1/providers")
    states = {provider["id"]: provider["status"] for provider in body["data"]}
    instances = {name for name, broken in BROKEN.items() if broken.instance}
    assert states == {"rig-good": "ready", "gpu0": "failed"} | dict.fromkeys(instances, "failed")


def test_the_rest_serve(seen: Seen) -> None:
    assert seen.server.chat("rig-good/parrot", "Is anybody there?") == "Is anybody there?"
    assert seen.server.chat("parrot", "Still?") == "Still?"
    status, body = seen.server.get("/v1/models")
    assert status == 200
    assert [model["id"] for model in body["data"]] == ["rig-good/parrot"]


@pytest.mark.parametrize("instance", ["gpu0", "rig-hangs", "rig-raises"])
def test_a_request_for_a_broken_instance_is_told_so(seen: Seen, instance: str) -> None:
    body = {"model": f"{instance}/m", "messages": [{"role": "user", "content": "Hello?"}]}
    status, answer = seen.server.post("/v1/chat/completions", body)
    assert (status, answer["error"]["type"]) == (503, "service_unavailable_error")
    assert f"The provider '{instance}' is not open" in answer["error"]["message"]


def test_only_the_hanging_one_takes_time_and_no_more_than_ten_seconds(seen: Seen) -> None:
    assert 10 <= seen.seconds < 40
