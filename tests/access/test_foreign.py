"""A foreign object is a missing object: for every operation, every object that it can name, and every stranger."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio
from callers import STRANGERS, Person, Refused, Server, open_server
from table import KINDS, ROWS, Row

from dinrail_sdk.testing.databases import PostgreSQL, postgresql

__all__ = ["postgresql"]

BY_ROUTE = {row.route: row for row in ROWS}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgresql"])
async def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    services: dict[str, Any] = {}
    if request.param == "postgresql":
        running: PostgreSQL = request.getfixturevalue("postgresql")
        services["database"] = {"url": running.create()}
    async with open_server(tmp_path_factory.mktemp("house"), services) as one:
        yield one


@pytest.mark.parametrize("name", [row.route for row in ROWS])
async def test_nobody_unknown_gets_anywhere(server: Server, name: str) -> None:
    row = BY_ROUTE[name]
    never = dict.fromkeys([*row.names, *re.findall(r"{(\w+)}", name)], "never")
    ids = dict.fromkeys(KINDS, "never")
    assert (await server.nobody.name(row, never, ids))[0] == 401


@pytest.mark.parametrize("who", STRANGERS)
@pytest.mark.parametrize("name", [row.route for row in ROWS if row.names])
async def test_what_belongs_to_others_is_what_is_not_there(server: Server, name: str, who: str) -> None:
    row, stranger = BY_ROUTE[name], server.strangers[who]
    theirs = await _made(server.owner, row)
    before = await server.owner.look(theirs)
    missing = {kind: _other(identity) for kind, identity in theirs.items()}
    for names in _choices(row):
        answers = []
        own: dict[str, str] = {}
        for foreign in (theirs, missing):
            # What is not foreign is the caller's own; where a request may use it up, it is made anew.
            if names != set(row.names) and (not own or not row.route.startswith("GET")):
                own = await stranger.make(*row.names.values())
            named = {one: (foreign if one in names else own)[kind] for one, kind in row.names.items()}
            ids = {**own, **foreign} if names == set(row.names) else own | _kinds(row, named)
            status, body = await stranger.name(row, named, ids)
            answers.append((status, _without(body, *theirs.values(), *missing.values(), *own.values())))
        assert answers[0] == answers[1], f"{sorted(names)} of somebody else can be told from missing ones"
        assert answers[0][0] in row.statuses
    assert await server.owner.look(theirs) == before, "and nothing has changed for its owner"


@pytest.mark.parametrize("name", [row.route for row in ROWS if row.route.startswith("GET") and "{" not in row.route])
async def test_lists_are_the_callers_own(server: Server, name: str) -> None:
    kinds = sorted(set(BY_ROUTE[name].names.values()))
    theirs = await _made(server.owner, BY_ROUTE[name])
    path = f"{name.removeprefix('GET ')}?limit=100&order=desc"  # other tests have made more than a page of them
    for who, stranger in server.strangers.items():
        status, body = await stranger.send("GET", path)
        assert status == (403 if "/admin/" in path and who != "an administrator" else 200)
        assert not any(identity in body for identity in theirs.values())
    body = (await server.owner.send("GET", path))[1]
    assert all(theirs[kind] in body for kind in kinds)


async def _made(person: Person, row: Row) -> dict[str, str]:
    try:
        return await person.make(*row.names.values())
    except Refused as refused:
        if "not_installed" in refused.body:
            pytest.skip("no service of the bundle keeps such objects")
        raise


def _choices(row: Row) -> list[set[str]]:
    """Which names are to be foreign: all of them, and each alone."""
    each: list[set[str]] = [{name} for name in row.names]
    return each if len(each) == 1 else [set(row.names), *each]


def _kinds(row: Row, named: Mapping[str, str]) -> dict[str, str]:
    return {kind: named[name] for name, kind in row.names.items()}


def _other(identity: str) -> str:
    """An id of the same form and place in every list, which never was."""
    return identity[:-1] + ("0" if identity[-1] != "0" else "1")


def _without(body: str, *ids: str) -> str:
    """The body without ids, and without the times of the caller's own objects."""
    for identity in sorted(ids, key=len, reverse=True):  # an id may begin with that of what it is a part of
        body = body.replace(identity, "ID")
    body = re.sub(r'"[a-z]+[-_][0-9a-f]{32,}"', '"ID"', body)
    return re.sub(r'"(created_at|expires_at)":\d+', r'"\1":0', body)
