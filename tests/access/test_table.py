"""The table of operations is whole: a route or a field of a request that it does not know fails here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from callers import PLUGINS, ROUTED
from table import KINDS, NO_OBJECT, ROWS

from dinrail_core.hooks import Route
from dinrail_core.host import Host, Plan, Plugins, Settings, operations
from dinrail_core.host.discovery import discover

LOOKS_LIKE_AN_ID = re.compile(r"(^|_)ids?$")
CURSORS = frozenset({"after", "before"})


def routes() -> list[Route]:
    """Every operation of what is in the tree."""
    installed = [plugin for plugin in discover() if plugin.name in {*PLUGINS, "server"}]
    plugins = Plugins(enable=ROUTED, installed=installed)
    return operations(Host(Plan(Settings(data_dir=Path()), environment={}, plugins=plugins)).routes())


ROUTES = {f"{route.method} {route.path.replace(':path}', '}')}": route for route in routes()}
BY_ROUTE = {row.route: row for row in ROWS}


def test_every_route_that_is_not_public_has_a_row_and_every_row_a_route() -> None:
    assert {name for name, route in ROUTES.items() if not route.public} == BY_ROUTE.keys()
    assert len(BY_ROUTE) == len(ROWS)


@pytest.mark.parametrize("name", sorted(name for name, route in ROUTES.items() if not route.public))
def test_a_row_names_every_object_that_a_request_can(name: str) -> None:
    route, row = ROUTES[name], BY_ROUTE.get(name)
    assert row is not None, "see the previous test"
    possible = set(re.findall(r"{(\w+)}", name)) if row.why is None else set()
    for wire in (route.body, route.form, route.query):
        if wire is not None:
            possible |= set(_ids(wire.model_json_schema(by_alias=True)))
    if route.query is not None:
        possible |= CURSORS & route.query.model_fields.keys() if row.why is None else set()
    excused = [field for of, field in NO_OBJECT if of == name]
    named = {field for field in possible if not any(_covers(excuse, field) for excuse in excused)}
    assert named == set(row.names)
    assert (row.why is None) == bool(row.names)
    for excuse in excused:
        assert any(_covers(excuse, field) for field in possible), f"{excuse} is no field (any more)"


def test_every_kind_of_object_is_named_somewhere() -> None:
    assert {kind for row in ROWS for kind in row.names.values()} == KINDS.keys()


def _covers(excuse: str, field: str) -> bool:
    return field.startswith(excuse[:-1]) if excuse.endswith("*") else field == excuse


def _ids(schema: Mapping[str, Any]) -> Iterator[str]:
    """Dotted names of all that looks like an id."""

    def walk(node: Any, path: tuple[str, ...], inside: frozenset[str]) -> Iterator[str]:
        if isinstance(node, list):
            for one in node:
                yield from walk(one, path, inside)
        if not isinstance(node, dict):
            return
        reference = node.get("$ref", "").rpartition("/")[2]
        if reference and reference not in inside:
            yield from walk(schema["$defs"][reference], path, inside | {reference})
        for name, below in node.get("properties", {}).items():
            if LOOKS_LIKE_AN_ID.search(name):
                yield ".".join((*path, name))
            yield from walk(below, (*path, name), inside)
        for part in ("items", "anyOf", "oneOf", "allOf", "prefixItems", "additionalProperties"):
            yield from walk(node.get(part), path, inside)

    yield from walk(schema, (), frozenset())
