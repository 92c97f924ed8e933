"""Whose a session is, for how long it is kept, and that secrets stay where they belong."""

from __future__ import annotations

import asyncio
import logging

import pytest
from mcp_peers import CALL, Scripted, own_server, put_out, results, says, scripted, service

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.items.mcp import McpHttpError
from dinrail_core.api.mcp import McpServer
from dinrail_core.errors import InvalidRequest, UpstreamError
from dinrail_mcp.headers import headers_for

ANN, BEN = Call(principal=Principal("acme", "ann")), Call(principal=Principal("acme", "ben"))


def handshakes(server: Scripted) -> int:
    return sum(request.body != b"" and request.message.get("method") == "initialize" for request in server.seen)


async def test_a_server_is_checked_without_being_reached() -> None:
    async with scripted() as server, service(connectors={"c": {"command": "true"}}) as mcp:
        await mcp.check(McpServer(label="x", url=server.url), ANN)
        await mcp.check(McpServer(label="c", connector="c"), ANN)
        assert server.seen == []
        with pytest.raises(InvalidRequest):
            await mcp.check(McpServer(label="x", url=server.url, headers={"host": "x"}), ANN)
        with pytest.raises(InvalidRequest):
            await mcp.check(McpServer(label="x", connector="x"), ANN)


async def test_callers_share_no_session_and_neither_do_tokens() -> None:
    async with scripted() as server, service() as mcp:
        for number, (call, token) in enumerate([(ANN, None), (BEN, None), (ANN, "a"), (ANN, "b")], 1):
            for _ in range(2):
                await mcp.tools(McpServer(label="x", url=server.url, authorization=token), call)
            assert handshakes(server) == number


async def test_a_connector_is_one_session_for_all_but_for_those_with_tokens_of_their_own() -> None:
    async with scripted() as server, service(connectors={"c": {"url": server.url}}) as mcp:
        connector = McpServer(label="c", connector="c")
        await mcp.tools(connector, ANN)
        await mcp.tools(connector, BEN)
        assert handshakes(server) == 1
        await mcp.tools(McpServer(label="c", connector="c", authorization="a"), BEN)
        assert handshakes(server) == 2


async def test_many_who_ask_at_once_cause_one_handshake_and_one_list() -> None:
    async with own_server() as own, service() as mcp:
        await asyncio.gather(*(mcp.tools(McpServer(label="x", url=own.url), CALL) for _ in range(20)))
        assert own.posts == ["server/discover", "tools/list"]


async def test_who_leaves_does_not_take_the_session_from_who_waits_too() -> None:
    async with own_server() as own, service() as mcp:
        server = McpServer(label="x", url=own.url)
        leaves = asyncio.ensure_future(mcp.tools(server, CALL))
        stays = asyncio.ensure_future(mcp.tools(server, CALL))
        await asyncio.sleep(0)
        leaves.cancel()
        assert len(await stays) == 3
        with pytest.raises(asyncio.CancelledError):
            await leaves


async def test_an_unused_session_is_closed_and_the_oldest_makes_room() -> None:
    async with scripted() as one, scripted() as two, service(max_sessions=1) as mcp:
        await mcp.tools(McpServer(label="x", url=one.url), CALL)
        await mcp.tools(McpServer(label="x", url=two.url), CALL)
        await mcp.tools(McpServer(label="x", url=one.url), CALL)
        assert (handshakes(one), handshakes(two)) == (2, 1)
    async with scripted() as server, service(idle=0.1) as mcp:
        await mcp.tools(McpServer(label="x", url=server.url), CALL)
        async with asyncio.timeout(10):
            while mcp._sessions._open:
                await asyncio.sleep(0.02)


async def test_where_all_sessions_are_in_use_a_call_says_so() -> None:
    async with scripted() as one, scripted() as two, service(max_sessions=1) as mcp:
        first = McpServer(label="x", url=one.url)
        async with mcp._sessions.session(mcp._key(first, None, CALL), lambda: mcp._agreed(first, None)):
            output = await mcp.call(McpServer(label="x", url=two.url), "t", {}, CALL)
            assert isinstance(output.error, McpHttpError)
            assert "in use" in output.error.message


async def test_a_list_is_asked_for_again_when_it_is_too_old_or_has_changed() -> None:
    async with own_server() as own, service(tools_ttl=0.0) as mcp:
        server = McpServer(label="x", url=own.url)
        await mcp.tools(server, CALL)
        await mcp.tools(server, CALL)
        assert own.posts == ["server/discover", "tools/list", "tools/list"]
    async with own_server() as own, service() as mcp:
        server = McpServer(label="x", url=own.url)
        await mcp.tools(server, CALL)
        (session,) = [one.result() for one in mcp._sessions._open.values()]
        session.forget()
        own.tools.tool()(later)
        assert "later" in [tool.name for tool in await mcp.tools(server, CALL)]


def later() -> str:
    """Come later."""
    return "late"


# --- secrets


@pytest.mark.parametrize("respond", [says(401, b"no", "text/plain"), says(500), results({"content": 1})])
async def test_secrets_are_never_logged_and_never_part_of_a_message(
    respond: object, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with scripted(tools__call=respond, tools__list=respond) as server, service() as mcp:  # type: ignore[arg-type]  # it is one
        secret = McpServer(label="x", url=server.url, authorization="hush-hush", headers={"x-key": "psst-psst"})
        with pytest.raises(UpstreamError) as caught:
            await mcp.tools(secret, CALL)
        output = await mcp.call(secret, "t", {}, CALL)
        everything = f"{caught.value!r} {output!r} {caplog.text} {vars(mcp._sessions)!r}"
    assert "hush-hush" not in everything
    assert "psst-psst" not in everything


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"Host": "secret"}, "'host' is set"),
        ({"mcp-session-id": "secret"}, "is set"),
        ({"x y": "secret"}, "name has characters"),
        ({"x": "secret\r\nhost: elsewhere"}, "cannot be sent"),
        ({"x": ""}, "cannot be sent"),
        ({"x": "secré"}, "cannot be sent"),
        ({f"x-{number}": "secret" for number in range(60)}, "more than 50"),
    ],
)
def test_headers_that_cannot_be_sent_are_refused_without_repeating_them(headers: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        headers_for(McpServer(label="x", url="https://x.example", headers=headers), None)
    assert "secret" not in caught.value.message
    assert caught.value.param == "headers"


def test_authorization_is_given_once() -> None:
    server = McpServer(label="x", url="https://x", authorization="one", headers={"Authorization": "Bearer two"})
    with pytest.raises(InvalidRequest, match="one of them"):
        headers_for(server, None)
    with pytest.raises(InvalidRequest, match="not one that can be sent"):
        headers_for(McpServer(label="x", url="https://x", authorization="a\nb"), None)


async def test_a_callers_token_takes_the_place_of_the_operators_and_its_headers_do_not() -> None:
    async with own_server() as own:
        connector = {"url": own.url, "authorization": "operator", "headers": {"x-tenant": "operator"}}
        async with service(connectors={"c": connector}) as mcp:
            await put_out(mcp, McpServer(label="c", connector="c"), "add", a=1, b=1)
            assert own.requests[-1][2]["authorization"] == "Bearer operator"
            mine = McpServer(label="c", connector="c", authorization="mine", headers={"X-Tenant": "mine"})
            await put_out(mcp, mine, "add", a=1, b=1)
            seen = own.requests[-1][2]
            assert (seen["authorization"], seen["x-tenant"]) == ("Bearer mine", "operator")


async def test_a_program_takes_no_authorization() -> None:
    async with service(connectors={"c": {"command": "true"}}) as mcp:
        with pytest.raises(InvalidRequest, match="takes no authorization") as caught:
            await mcp.tools(McpServer(label="c", connector="c", authorization="x"), CALL)
        assert caught.value.param == "authorization"
