from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dinrail_core.api.jobs import Jobs as Engine
from dinrail_core.errors import ConfigurationError, NothingServes, Unavailable
from dinrail_core.hooks import Context, ServiceType
from dinrail_core.host import lifecycle
from dinrail_core.host import services as services_module
from dinrail_core.host.discovery import Installed
from dinrail_core.host.plugins import Plugin, PluginState
from dinrail_core.host.services import PlannedService, Services, order_services

if TYPE_CHECKING:
    from conftest import Rig


class Database:
    pass


class Files:
    pass


class Stores:
    pass


class Jobs:
    pass


class All(Database, Files, Stores, Jobs):
    """What every service of these tests opens."""


def faults(rig: Rig, planned: Sequence[PlannedService]) -> dict[str, str]:
    return {name: reason for plugin, _, _ in planned for name, reason in plugin.faults.items()}


def plugin(name: str, distribution: str = "") -> Plugin:
    return Plugin(
        Installed(name, distribution or f"rig-{name}", "1", "", frozenset(), bundled=True), PluginState.ENABLED
    )


def plan(*records: ServiceType) -> list[PlannedService]:
    return [(plugin(record.name), record, record.config()) for record in records]


def names(ordered: Sequence[PlannedService]) -> list[str]:
    return [record.name for _, record, _ in ordered]


# --- order


def test_a_service_stands_behind_what_it_requires(rig: Rig) -> None:
    planned = plan(
        rig.service("stores", All(), provides=[Stores], requires=[Files, Database]),
        rig.service("files", All(), provides=[Files], requires=[Database]),
        rig.service("database", All(), provides=[Database]),
    )
    assert names(order_services(planned)) == ["database", "files", "stores"]
    assert faults(rig, planned) == {}


def test_what_requires_something_that_nothing_provides_is_set_aside_with_its_dependents(rig: Rig) -> None:
    planned = plan(
        rig.service("stores", All(), provides=[Stores], requires=[Files]),
        rig.service("files", All(), provides=[Files], requires=[Database, Jobs]),
        rig.service("jobs", All(), provides=[Jobs]),
    )
    assert names(order_services(planned)) == ["jobs"]
    assert faults(rig, planned) == {
        "files": "it requires Database, which nothing provides",
        "stores": "it requires Files, which nothing provides",
    }


def test_services_that_wait_for_each_other_are_set_aside_and_the_rest_are_not(rig: Rig) -> None:
    planned = plan(
        rig.service("a", All(), provides=[Files], requires=[Stores]),
        rig.service("b", All(), provides=[Stores], requires=[Files]),
        rig.service("c", All(), provides=[Jobs], requires=[Files]),
        rig.service("d", All(), provides=[Database]),
    )
    assert names(order_services(planned)) == ["d"]
    found = faults(rig, planned)
    assert found["a"].startswith("it requires itself, through ")
    assert found["b"].startswith("it requires itself, through ")
    assert found["c"] == "it requires Files, which nothing provides"


def test_a_kind_of_job_is_one_services(rig: Rig) -> None:
    planned = plan(
        rig.service("a", All(), provides=[Files], jobs=["sweep"]),
        rig.service("b", All(), provides=[Stores], jobs=["import", "sweep"]),
        rig.service("c", All(), provides=[Jobs], jobs=["twice", "twice"]),
    )
    assert names(order_services(planned)) == ["a"]
    assert faults(rig, planned) == {
        "b": "jobs of the kind 'sweep' are already declared by rig-a",
        "c": "jobs of the kind 'twice' are already declared by rig-c",
    }


def test_a_service_that_requires_what_it_provides_waits_for_itself(rig: Rig) -> None:
    planned = plan(rig.service("a", All(), provides=[Files], requires=[Files]))
    assert order_services(planned) == []
    assert faults(rig, planned) == {"a": "it requires itself, through a -> a"}


def test_a_second_service_for_one_contract_is_refused_and_both_are_named(rig: Rig) -> None:
    planned = [
        (plugin("one", "rig-one"), rig.service("files", All(), provides=[Files]), Any),
        (plugin("two", "rig-two"), rig.service("other-files", All(), provides=[Files, Jobs]), Any),
        (plugin("three", "rig-three"), rig.service("jobs", All(), provides=[Jobs]), Any),
    ]
    assert names(order_services(cast("list[PlannedService]", planned))) == ["files", "jobs"]
    assert planned[1][0].status().reason == "other-files: Files is already provided by rig-one"
    assert planned[1][0].status().distribution == "rig-two"


def test_of_two_services_for_one_contract_the_configured_one_is_used_and_the_other_is_no_failure(rig: Rig) -> None:
    one, two = plugin("one", "rig-one"), plugin("two", "rig-two")
    planned = cast(
        "list[PlannedService]",
        [
            (one, rig.service("files", All(), provides=[Files]), Any),
            (two, rig.service("other-files", All(), provides=[Files]), Any),
        ],
    )
    assert names(order_services(planned, {"other-files"})) == ["other-files"]
    assert one.status().state == "enabled"
    assert one.status().reason == "files: it stands back for rig-two, which is configured"
    assert two.status().reason is None


def test_two_configured_services_for_one_contract_stop_the_start(rig: Rig) -> None:
    planned = cast(
        "list[PlannedService]",
        [
            (plugin("one", "rig-one"), rig.service("files", All(), provides=[Files]), Any),
            (plugin("two", "rig-two"), rig.service("other-files", All(), provides=[Files]), Any),
        ],
    )
    with pytest.raises(ConfigurationError, match=r"services.other-files: Files can be provided by one") as refusal:
        order_services(planned, {"files", "other-files"})
    assert "[services.files]" in refusal.value.message


def contracts(count: int) -> list[type]:
    return [type(f"Contract{index}", (), {}) for index in range(count)]


@st.composite
def graphs(draw: st.DrawFn) -> list[set[int]]:
    """What each of some services requires, as indexes; some of nothing that exists."""
    count = draw(st.integers(1, 7))
    return [draw(st.sets(st.integers(0, count), max_size=3)) for _ in range(count)]


def _usable(graph: list[set[int]]) -> set[int]:
    """By brute force: what can be opened when only what is open is taken as a requirement."""
    opened: set[int] = set()
    while True:
        more = {index for index, needs in enumerate(graph) if needs <= opened} - opened
        if not more:
            return opened
        opened |= more


@given(graphs())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_exactly_the_services_whose_requirements_can_be_met_are_ordered_behind_them(
    rig: Rig, graph: list[set[int]]
) -> None:
    kinds = contracts(len(graph) + 1)
    records = [
        rig.service(f"s{index}", All(), provides=[kinds[index]], requires=[kinds[need] for need in needs])
        for index, needs in enumerate(graph)
    ]
    planned = plan(*records)
    order = [int(name[1:]) for name in names(order_services(planned))]
    assert set(order) == _usable(graph)
    for place, index in enumerate(order):
        assert graph[index] <= set(order[:place])
    assert {int(name[1:]) for name in faults(rig, planned)} == set(range(len(graph))) - set(order)


def test_the_generated_graphs_contain_circles_and_gaps() -> None:
    """Otherwise the property above would say little."""
    kinds = set()

    @given(graphs())
    @settings(database=None, derandomize=True)
    def look(graph: list[set[int]]) -> None:
        if any(len(graph) in needs for needs in graph):
            kinds.add("gap")
        try:
            list(TopologicalSorter(dict(enumerate(graph))).static_order())
        except CycleError:
            kinds.add("circle")

    look()
    assert kinds == {"gap", "circle"}


@st.composite
def acyclic(draw: st.DrawFn) -> tuple[list[set[int]], set[int], list[int]]:
    """Requirements without circles, which services fail to open, and in which order they are asked for."""
    count = draw(st.integers(1, 6))
    graph = [draw(st.sets(st.integers(0, index - 1), max_size=3)) if index else set() for index in range(count)]
    order = draw(st.permutations(range(count)))
    graph = [{order[need] for need in graph[order.index(index)]} for index in range(count)]
    broken = draw(st.sets(st.integers(0, count - 1), max_size=2))
    return graph, broken, draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=6))


@given(acyclic())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_is_asked_for_opens_behind_what_it_requires_and_closes_before_it(
    rig: Rig, drawn: tuple[list[set[int]], set[int], list[int]]
) -> None:
    graph, broken, asked = drawn
    rig.events.clear()
    kinds = contracts(len(graph))
    everything = type("Everything", tuple(kinds), {})
    records = [
        rig.service(
            f"s{index}",
            OSError("down") if index in broken else everything(),
            provides=[kinds[index]],
            requires=[kinds[need] for need in needs],
        )
        for index, needs in enumerate(graph)
    ]

    def behind(index: int) -> set[int]:
        return {index}.union(*(behind(need) for need in graph[index]))

    async def run() -> None:
        ordered = order_services(plan(*records))
        services = Services(ordered, dict.fromkeys(names(ordered), cast("Context", None)))
        outcomes = await asyncio.gather(*(services.get(kinds[index]) for index in asked), return_exceptions=True)
        await services.close()
        for index, outcome in zip(asked, outcomes, strict=True):
            assert isinstance(outcome, BaseException) == bool(behind(index) & broken)

    asyncio.run(run())
    opened = [int(event[6:]) for event in rig.events if event.startswith("open ")]
    closed = [int(event[7:]) for event in rig.events if event.startswith("close ")]
    assert len(set(opened)) == len(opened)
    for place, index in enumerate(opened):
        assert graph[index] <= set(opened[:place]) - broken
    assert closed == [index for index in reversed(opened) if index not in broken]
    assert set(opened) - broken <= set().union(*(behind(index) for index in asked))


class Works(Jobs):
    """What the engine's service opens."""


Engine.register(Works)


async def test_what_does_jobs_is_closed_before_the_services_that_it_does_them_with(rig: Rig) -> None:
    ordered = plan(
        rig.service("database", All(), provides=[Database]),
        rig.service("engine", Works(), provides=[Engine], requires=[Database]),
        rig.service("files", All(), provides=[Files], requires=[Database], jobs=["sweep"]),
        rig.service("stores", All(), provides=[Stores], requires=[Engine], jobs=["import"]),
    )
    services = Services(ordered, dict.fromkeys(names(ordered), cast("Context", None)))
    for contract in (Stores, Files):
        await services.get(contract)
    await services.close()
    closed = [event[6:] for event in rig.events if event.startswith("close ")]
    assert closed == ["engine", "files", "stores", "database"]


# --- opening when needed


@pytest.fixture
def always_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services_module, "_RETRY", -1.0)


def service_plugin(rig: Rig, *records: ServiceType, name: str = "notes") -> None:
    rig.plugin(name, extends=["services"], bundled=True, services=records)


async def test_a_service_that_nobody_asks_for_is_not_opened(rig: Rig) -> None:
    service_plugin(rig, rig.service("files", All(), provides=[Files]))
    async with rig.host() as host:
        assert host.rail.provides(Files)
        assert not host.rail.provides(Jobs)
    assert rig.events == []


async def test_an_eager_service_is_opened_at_the_start(rig: Rig) -> None:
    service_plugin(rig, rig.service("files", All(), provides=[Files], eager=True))
    async with rig.host():
        assert rig.events == ["open files"]
    assert rig.events == ["open files", "close files"]


@pytest.mark.parametrize("needed", [True, False])
async def test_a_service_can_be_eager_where_what_it_requires_is(rig: Rig, needed: bool) -> None:
    follower = replace(
        rig.service("files", All(), provides=[Files], requires=[Database]),
        eager=lambda config, context: context.rail.is_open(Database),
    )
    service_plugin(rig, follower, rig.service("database", All(), provides=[Database], eager=needed))
    async with rig.host() as host:
        assert rig.events == (["open database", "open files"] if needed else [])
        assert host.rail.is_open(Files) == needed
        await host.rail.service(Files)
        assert host.rail.is_open(Files)
        assert not host.rail.is_open(Jobs)
    assert not host.rail.is_open(Files)


async def test_a_service_that_turns_out_to_be_needed_is_opened_then(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services_module, "_LOOK", 0.01)
    needed = False
    asked = asyncio.Event()

    def eager(config: Any, context: Context) -> bool:
        asked.set()
        return needed

    follower = replace(
        rig.service("jobs", All(), provides=[Jobs], requires=[Files]),
        eager=lambda config, context: context.rail.is_open(Files),
    )
    failing = replace(rig.service("database", OSError("down"), provides=[Database]), eager=eager)
    service_plugin(rig, follower, failing, replace(rig.service("files", All(), provides=[Files]), eager=eager))
    async with rig.host() as host:
        asked.clear()
        await asyncio.wait_for(asked.wait(), 5)
        assert rig.events == []
        needed = True
        async with asyncio.timeout(5):
            while not host.rail.is_open(Jobs):
                await asyncio.sleep(0.01)
        assert sorted(rig.events) == ["open database", "open files", "open jobs"]
        asked.clear()
        await asyncio.sleep(0.05)
        assert not asked.is_set(), "what is open, or could not be opened, is not asked again"


async def test_a_service_that_could_not_be_opened_is_not_open(rig: Rig) -> None:
    service_plugin(rig, rig.service("files", OSError("down"), provides=[Files], eager=True))
    async with rig.host() as host:
        assert not host.rail.is_open(Files)


async def test_those_who_ask_at_once_share_one_opening(rig: Rig) -> None:
    service_plugin(rig, rig.service("files", All(), provides=[Files]))
    async with rig.host() as host:
        found = await asyncio.gather(*(host.rail.service(Files) for _ in range(100)))
        assert len(set(map(id, found))) == 1
        assert rig.events == ["open files"]


async def test_a_caller_who_leaves_does_not_undo_the_opening_for_others(rig: Rig) -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def opening(config: Any, context: Context) -> AsyncIterator[object]:
        entered.set()
        await release.wait()
        yield All()

    record = rig.service("files", All(), provides=[Files])
    service_plugin(rig, ServiceType(name="files", config=record.config, provides=record.provides, open=opening))
    async with rig.host() as host:
        first = asyncio.create_task(host.rail.service(Files))
        second = asyncio.create_task(host.rail.service(Files))
        await entered.wait()
        first.cancel()
        release.set()
        assert isinstance(await second, Files)


async def test_a_contract_that_no_service_provides_is_not_installed(rig: Rig) -> None:
    async with rig.host() as host:
        with pytest.raises(NothingServes, match="No enabled service provides Files") as caught:
            await host.rail.service(Files)
    assert "until" not in caught.value.message


async def test_who_looks_for_a_service_is_told_which_plugins_wait_to_be_enabled(rig: Rig) -> None:
    rig.plugin("runner", extends=["services"])
    rig.plugin("pages", extends=["routes"])
    async with rig.host() as host:
        with pytest.raises(NothingServes, match=r"off until \[plugins\] enable names them: runner\.$"):
            await host.rail.service(Files)


async def test_a_service_that_cannot_be_opened_is_unavailable_and_shown(rig: Rig) -> None:
    service_plugin(
        rig,
        rig.service("files", All(), provides=[Files], requires=[Database]),
        rig.service("database", OSError("no such host"), provides=[Database]),
        rig.service("jobs", All(), provides=[Jobs]),
    )
    async with rig.host() as host:
        with pytest.raises(Unavailable, match="requires Database, which could not be opened"):
            await host.rail.service(Files)
        with pytest.raises(Unavailable, match=r"not open \(opening it failed \(OSError: no such host\)\)"):
            await host.rail.service(Database)
        assert isinstance(await host.rail.service(Jobs), Jobs)
        (status,) = host.rail.plugins()
        assert status.state == "failed"
        assert status.reason == (
            "database: opening it failed (OSError: no such host); "
            "files: it requires Database, which could not be opened"
        )


async def test_a_service_that_failed_is_left_alone_for_a_while(rig: Rig) -> None:
    service_plugin(rig, rig.service("files", OSError("down"), provides=[Files]))
    async with rig.host() as host:
        for _ in range(3):
            with pytest.raises(Unavailable):
                await host.rail.service(Files)
    assert rig.events == ["open files"]


async def test_a_service_whose_database_comes_back_opens_after_all(rig: Rig, always_again: None) -> None:
    down = [True]

    @asynccontextmanager
    async def opening(config: Any, context: Context) -> AsyncIterator[object]:
        if down[0]:
            raise OSError("down")
        yield All()

    record = rig.service("database", All(), provides=[Database])
    service_plugin(
        rig,
        ServiceType(name="database", config=record.config, provides=record.provides, open=opening),
        rig.service("files", All(), provides=[Files], requires=[Database]),
    )
    async with rig.host() as host:
        with pytest.raises(Unavailable):
            await host.rail.service(Files)
        assert host.rail.plugins()[0].state == "failed"
        down[0] = False
        assert isinstance(await host.rail.service(Files), Files)
        assert host.rail.plugins()[0].state == "enabled"


async def test_a_service_that_ends_by_itself_is_shown_and_opened_again(rig: Rig) -> None:
    crash: list[asyncio.Event] = []

    @asynccontextmanager
    async def opening(config: Any, context: Context) -> AsyncIterator[object]:
        crash.append(asyncio.Event())

        async def watch(crashed: asyncio.Event) -> None:
            await crashed.wait()
            raise OSError("lost")

        async with asyncio.TaskGroup() as group:
            task = group.create_task(watch(crash[-1]))
            yield All()
            task.cancel()

    record = rig.service("files", All(), provides=[Files])
    service_plugin(rig, ServiceType(name="files", config=record.config, provides=record.provides, open=opening))
    async with rig.host() as host:
        first = await host.rail.service(Files)
        crash[0].set()
        async with asyncio.timeout(5):
            while host.rail.plugins()[0].state != "failed":
                await asyncio.sleep(0)
        assert host.rail.plugins()[0].reason == "files: it ended (OSError: lost)"
        second = await host.rail.service(Files)
        assert second is not first
        assert host.rail.plugins()[0].state == "enabled"


async def test_a_service_that_opens_something_else_than_it_declares_is_closed_again(rig: Rig) -> None:
    service_plugin(rig, rig.service("files", object(), provides=[Files, Jobs]))
    async with rig.host() as host:
        with pytest.raises(Unavailable, match="declares Files, Jobs, but what it opens is none"):
            await host.rail.service(Files)
        assert rig.events == ["open files", "close files"]


async def test_an_eager_service_that_asks_the_operator_stops_the_start(rig: Rig) -> None:
    error = ConfigurationError("run the migration first", key="services.database")
    service_plugin(rig, rig.service("database", error, provides=[Database], eager=True))
    with pytest.raises(ConfigurationError, match=r"^services\.database: run the migration first$"):
        async with rig.host():
            pass


async def test_an_eager_service_that_fails_otherwise_does_not_stop_the_start(rig: Rig) -> None:
    service_plugin(
        rig,
        rig.service("database", OSError("down"), provides=[Database], eager=True),
        rig.service("jobs", All(), provides=[Jobs], eager=True),
    )
    async with rig.host() as host:
        assert isinstance(await host.rail.service(Jobs), Jobs)
        assert host.rail.plugins()[0].state == "failed"


async def test_a_service_that_cannot_say_whether_it_is_needed_is_shown(rig: Rig) -> None:
    def eager(config: Any, context: Context) -> bool:
        raise SystemExit(1)

    record = rig.service("files", All(), provides=[Files])
    service_plugin(
        rig, ServiceType(name="files", config=record.config, provides=record.provides, open=record.open, eager=eager)
    )
    async with rig.host() as host:
        assert host.rail.plugins()[0].reason == "files: it cannot say whether it is needed (SystemExit: 1)"


async def test_an_open_that_hangs_is_unavailable(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "OPEN_LIMIT", 0.01)

    @asynccontextmanager
    async def opening(config: Any, context: Context) -> AsyncIterator[object]:
        await asyncio.Event().wait()
        yield All()

    record = rig.service("files", All(), provides=[Files])
    service_plugin(rig, ServiceType(name="files", config=record.config, provides=record.provides, open=opening))
    async with rig.host() as host:
        with pytest.raises(Unavailable, match=r"opening it took longer than 0\.01 s"):
            await host.rail.service(Files)


async def test_a_stopping_host_opens_nothing_more(rig: Rig) -> None:
    service_plugin(rig, rig.service("files", All(), provides=[Files]))
    async with rig.host() as host:
        pass
    with pytest.raises(Unavailable, match="the server is stopping"):
        await host.rail.service(Files)
    assert rig.events == []


async def test_stopping_while_a_service_is_being_opened_leaves_no_task(rig: Rig) -> None:
    entered, cancelled = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def opening(config: Any, context: Context) -> AsyncIterator[object]:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        yield All()

    record = rig.service("files", All(), provides=[Files])
    service_plugin(rig, ServiceType(name="files", config=record.config, provides=record.provides, open=opening))
    async with rig.host() as host:
        caller = asyncio.create_task(host.rail.service(Files))
        await entered.wait()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await asyncio.wait_for(cancelled.wait(), 5)


@pytest.mark.parametrize("needed", [True, False])
async def test_a_service_that_would_be_opened_at_a_start_is_in_use_before_it_is_open(rig: Rig, needed: bool) -> None:
    wanted: list[bool] = []
    record = replace(rig.service("database", All(), provides=[Database]), eager=lambda config, context: any(wanted))
    service_plugin(rig, record)
    async with rig.host() as host:
        assert not host.rail.in_use(Database)
        if needed:
            wanted.append(True)  # its file has come to be meanwhile
        else:
            await host.rail.service(Database)
        assert host.rail.in_use(Database)
        assert host.rail.is_open(Database) != needed
        assert not host.rail.in_use(Jobs)
