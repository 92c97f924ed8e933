"""What handlers can ask of an exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from dinrail_core.api.answers import Answer
from dinrail_core.api.wire import MISSING, Wire
from dinrail_core.hooks.http import Exchange, Reply, Route

if TYPE_CHECKING:
    from conftest import Start


class Page(Wire):
    limit: int | MISSING = MISSING
    deep: bool | MISSING = MISSING
    order: Literal["asc", "desc"] | MISSING = MISSING
    include: list[str] | MISSING = MISSING
    metadata: dict[str, str] | None | MISSING = MISSING


class Seen(Wire):
    query: dict[str, Any]


async def _page(exchange: Exchange) -> Answer[Seen]:
    return Answer.of(Seen(query=exchange.parameters(Page).model_dump()))


async def _echo(exchange: Exchange) -> Reply:
    assert await exchange.read() == await exchange.read(), "a body can be read twice"
    name = exchange.query.get("name", "")
    text = f"{name} {exchange.headers['X-Thing']} {exchange.headers['x-thing']}".encode()
    return Reply(body=text + await exchange.read(), content_type="text/plain")


ROUTES = [
    Route(method="GET", path="/page", handler=_page, summary="s", tag="t", query=Page, answer=Seen),
    Route(
        method="POST",
        path="/echo",
        handler=_echo,
        summary="s",
        tag="t",
        content_types=frozenset({"application/octet-stream"}),
    ),
]


async def test_a_query_is_read_as_a_wire_type(start: Start) -> None:
    running = await start(routes=ROUTES)
    url = running.root + "/page?limit=10&deep=true&order=asc&include[]=a&include=b&unknown=x"
    async with running.http.get(url) as answer:
        seen = (await answer.json())["query"]
    assert seen == {"limit": 10, "deep": True, "order": "asc", "include": ["a", "b"], "unknown": "x"}


async def test_a_table_is_a_parameter_for_each_of_its_keys(start: Start) -> None:
    running = await start(routes=ROUTES)
    for query, wanted in (
        ("metadata[a]=b&metadata[c[d]]=%C3%A9&metadata[a]=z", {"metadata": {"a": "b", "c[d]": "é"}}),
        ("metadata[]=b", {"metadata": {"": "b"}}),
        ("limit[a]=1", {"limit[a]": "1"}),
        ("metadata=x", {}),
    ):
        async with running.http.get(f"{running.root}/page?{query}") as answer:
            assert (await answer.json())["query"] == wanted


async def test_what_no_database_holds_is_refused_by_the_parameters_name(start: Start) -> None:
    running = await start(routes=ROUTES)
    for name in ("order", "include[]", "metadata[a]", "unknown"):
        async with running.http.get(running.root + f"/page?{name}=a%00") as answer:
            assert answer.status == 400
            assert (await answer.json())["error"]["param"] == name


async def test_of_a_repeated_parameter_that_is_no_list_the_first_counts(start: Start) -> None:
    running = await start(routes=ROUTES)
    async with running.http.get(running.root + "/page?limit=1&limit=2") as answer:
        assert (await answer.json())["query"] == {"limit": 1}


async def test_a_bad_parameter_is_named(start: Start) -> None:
    running = await start(routes=ROUTES)
    for query, param in (("limit=ten", "limit"), ("order=up", "order"), ("deep=perhaps", "deep")):
        async with running.http.get(f"{running.root}/page?{query}") as answer:
            assert answer.status == 400
            assert (await answer.json())["error"]["param"] == param


async def test_bytes_query_and_headers_are_there(start: Start) -> None:
    running = await start(routes=ROUTES)
    headers = {"x-thing": "t", "content-type": "application/octet-stream"}
    url = running.root + "/echo?name=a%20b&name=c"
    async with running.http.post(url, data=b"\x00\xff", headers=headers) as answer:
        assert answer.headers["content-type"] == "text/plain"
        assert await answer.read() == b"a b t t\x00\xff"
    async with running.http.post(url, data=b"{}", headers={"content-type": "application/json"}) as answer:
        assert answer.status == 415
        assert "application/octet-stream" in (await answer.json())["error"]["message"]
