from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest

from dinrail_core.errors import Unavailable
from dinrail_core.hooks.http import Exchange, Reply, Route, RouteGroup
from dinrail_core.host import Host, operations
from dinrail_core.host.operations import load_group

if TYPE_CHECKING:
    from conftest import Rig


async def _handler(exchange: Exchange) -> Reply:
    return Reply()


def route(path: str, method: Any = "GET") -> Route:
    return Route(method=method, path=path, handler=_handler, summary="s", tag="t")


def group(under: str, *routes: Any) -> RouteGroup:
    return RouteGroup(under=under, load=lambda: routes)


def names(rig: Rig, **plugins: Iterable[Route | RouteGroup]) -> tuple[list[str], dict[str, str]]:
    """What is declared, and which plugins were set aside for what."""
    for name, records in plugins.items():
        rig.plugin(name, extends=["routes"], bundled=True, routes=records)
    plan = rig.plan()
    found = [record.under if isinstance(record, RouteGroup) else record.path for record in Host(plan).routes()]
    return found, {plugin.name: plugin.reason for plugin in plan.plugins.all if plugin.reason is not None}


def test_a_group_is_declared_without_being_loaded(rig: Rig) -> None:
    def load() -> Iterable[Route]:
        raise AssertionError("loaded")

    assert names(rig, a=[route("/a"), RouteGroup(under="/b", load=load)]) == (["/a", "/b"], {})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (group("/v1/a"), group("/v1/a")),
        (group("/v1/a"), group("/v1/a/b")),
        (group("/v1/a/b"), group("/v1/a")),
        (group("/v1/a"), route("/v1/a")),
        (group("/v1/a"), route("/v1/a/{id}")),
        (route("/v1/a/{id}"), group("/v1/a")),
    ],
)
def test_what_is_under_a_group_is_its_plugins_alone(rig: Rig, first: Any, second: Any) -> None:
    found, aside = names(rig, one=[route("/one"), first], two=[route("/two"), second])
    assert found == ["/one", first.under if isinstance(first, RouteGroup) else first.path]
    assert list(aside) == ["two"]
    assert "rig-one" in aside["two"]


def test_neighbours_are_in_nobodys_way(rig: Rig) -> None:
    found, aside = names(rig, one=[group("/v1/a"), route("/v1/a/x")], two=[group("/v1/ab"), route("/v1/{a}/b")])
    assert (found, aside) == (["/v1/a", "/v1/a/x", "/v1/ab", "/v1/{a}/b"], {})


@pytest.mark.parametrize("under", ["", "/", "v1/a", "/v1/a/", "/v1/{a}", "/v1//a", 1])
def test_a_group_stands_under_fixed_segments(rig: Rig, under: Any) -> None:
    found, aside = names(rig, one=[group(under)])
    assert found == []
    assert "is not made of fixed segments" in aside["one"]


def test_operations_are_those_of_groups_too() -> None:
    a, b, c = route("/a"), route("/b/1"), route("/b")
    assert operations([a, group("/b", b, c)]) == [a, b, c]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (group("/a", route("/b")), "GET /b does not stand under /a"),
        (group("/a", "no route"), "stands a str, not a Route"),
        (group("/a", route("/a/{x}"), route("/a/{y}")), "two routes of one method and path"),
        (RouteGroup(under="/a", load=lambda: [route(f"/a/{1 / 0}")]), "cannot be declared .*ZeroDivisionError"),
    ],
)
def test_a_group_with_a_mistake_says_what_is_wrong(wrong: RouteGroup, reason: str) -> None:
    with pytest.raises(Unavailable, match=reason):
        load_group(wrong)
