"""Slow, huge, hostile and dying servers cost their call, and nothing else."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from mcp_peers import (
    CALL,
    Request,
    Respond,
    Scripted,
    everything_over_http,
    node_server,
    process_ids_of,
    put_out,
    puts_out,
    reply,
    result,
    results,
    says,
    scripted,
    service,
    usual,
)

from dinrail_core.api.call import Call
from dinrail_core.api.items.mcp import McpHttpError, McpProtocolError, McpToolError
from dinrail_core.api.mcp import McpServer
from dinrail_core.errors import (
    InvalidRequest,
    UpstreamError,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from dinrail_core.hooks import Outbound
from dinrail_sdk.testing import LoopWatch


def at(server: Scripted) -> McpServer:
    return McpServer(label="bad", url=server.url)


async def error_of(server: Scripted, **config: Any) -> McpHttpError | McpProtocolError | McpToolError:
    """What a call comes to, and that the next server is served as if nothing had been."""
    async with service(**config) as mcp:
        output = await mcp.call(at(server), "t", {}, CALL)
        async with scripted() as good:
            assert (await put_out(mcp, at(good), "t")).text == "done"
    assert output.error is not None
    return output.error


async def _silence(request: Request, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


async def _hang_up(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _endless(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
    while not writer.is_closing():
        writer.write(b'data: {"jsonrpc": "2.0", "method": "notifications/message", "params": {}}\n\n' * 1000)
        await writer.drain()


async def _endless_line(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n[")
    while not writer.is_closing():
        writer.write(b"0," * 32_768)
        await writer.drain()


async def _half(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: {")
    writer.close()


@pytest.mark.parametrize(
    ("respond", "code", "words"),
    [
        (says(500, b"the disk is full", "text/plain"), 500, "the disk is full"),
        (says(401, b'{"error": "invalid_token"}'), 401, "invalid_token"),
        (says(302, location="https://elsewhere.example/"), 302, "302"),
        (says(200, b"<html>", "text/html"), 502, "text/html"),
        (says(200, b"{"), 502, "not JSON"),
        (says(200, b"[]"), 502, "no JSON-RPC message"),
        (says(200, b'{"jsonrpc": "2.0", "id": 3}'), 502, "neither a result nor an error"),
        (results({"content": "text"}), 502, "does not keep to the protocol"),
        (results({"resultType": "input_required", "inputRequests": {}}), 502, "does not keep to the protocol"),
        (_hang_up, 502, "server"),
        (_half, 502, "ended before its result"),
        (_endless, 502, "larger than 1048576 bytes"),
        (_endless_line, 502, "larger than"),
        (puts_out({"type": "text", "text": "x" * 2**20}), 502, "larger than"),
    ],
)
async def test_what_a_broken_server_does_is_told_to_the_model(respond: Respond, code: int, words: str) -> None:
    async with scripted(tools__call=respond) as server:
        error = await error_of(server)
    assert isinstance(error, McpHttpError)
    assert error.code == code
    assert words in error.message


async def test_an_error_of_the_protocol_is_told_in_full() -> None:
    async def refuse(request: Request, writer: asyncio.StreamWriter) -> None:
        error = {"code": -32602, "message": "Unknown tool: t", "data": {"known": ["u"]}}
        writer.write(reply(400, json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()))

    async with scripted(tools__call=refuse) as server:
        error = await error_of(server)
    assert error == McpProtocolError(code=-32602, message="Unknown tool: t ({'known': ['u']})")


async def test_the_failure_of_a_tool_is_told_in_full_with_what_it_put_out() -> None:
    block = {"type": "text", "text": "no such row"}
    async with scripted(tools__call=puts_out(block, isError=True)) as server, service() as mcp:
        output = await mcp.call(at(server), "t", {}, CALL)
    assert output.error == McpToolError(content=[block])
    assert output.text == "no such row"


async def test_a_silent_server_is_given_up_when_its_time_is_over() -> None:
    async with scripted(tools__call=_silence) as server:
        began = time.monotonic()
        error = await error_of(server, timeout=0.5)
        assert time.monotonic() - began < 5
    assert isinstance(error, (McpHttpError, McpProtocolError))
    assert "in time" in error.message or "did not begin to answer" in error.message


async def test_the_deadline_of_a_call_holds_where_it_is_nearer() -> None:
    async with scripted(tools__call=_silence) as server, service() as mcp:
        await mcp.tools(at(server), CALL)
        began = time.monotonic()
        output = await mcp.call(at(server), "t", {}, Call(deadline=time.time() + 0.3))
        assert time.monotonic() - began < 5
    assert isinstance(output.error, McpHttpError)
    assert output.error.code == 504


async def test_a_call_that_nobody_waits_for_any_more_ends() -> None:
    left = asyncio.Event()

    async def wait(request: Request, writer: asyncio.StreamWriter) -> None:
        started.set()
        while not writer.transport.is_closing():
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await asyncio.sleep(0.01)
        left.set()

    started = asyncio.Event()
    async with scripted(tools__call=wait) as server, service() as mcp:
        calling = asyncio.ensure_future(mcp.call(at(server), "t", {}, CALL))
        await asyncio.wait_for(started.wait(), 10)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        await asyncio.wait_for(left.wait(), 5)


@pytest.mark.parametrize(
    ("respond", "kind", "words"),
    [
        (says(503, b"later", "text/plain"), UpstreamUnavailable, "later"),
        (says(200, b"{"), UpstreamInvalid, "not JSON"),
        (results({"tools": [{"name": 7}]}), UpstreamInvalid, "does not keep to the protocol"),
        (results({"tools": [], "nextCursor": "1"}), UpstreamInvalid, "has no end"),
        (_endless_line, UpstreamInvalid, "larger than"),
    ],
)
async def test_a_list_that_cannot_be_had_says_why(respond: Respond, kind: type[UpstreamError], words: str) -> None:
    async with scripted(tools__list=respond) as server, service() as mcp:
        with pytest.raises(kind, match=words) as caught:
            await mcp.tools(at(server), CALL)
    assert caught.value.message.startswith("The MCP server 'bad' failed: ")


async def test_a_list_whose_pages_go_round_in_circles_ends() -> None:
    pages = {"tools": [{"name": "t", "inputSchema": {"type": "object"}}], "nextCursor": "again"}
    async with scripted(tools__list=results(pages)) as server, service() as mcp:
        with pytest.raises(UpstreamInvalid, match="has no end"):
            await mcp.tools(at(server), CALL)


async def test_ten_thousand_tools_are_taken_page_by_page_and_one_more_is_not() -> None:
    many = 10_000

    async def page(request: Request, writer: asyncio.StreamWriter) -> None:
        start = int((request.message.get("params") or {}).get("cursor") or 0)
        tools = [{"name": f"t{n}", "inputSchema": {"type": "object"}} for n in range(start, min(start + 1000, many))]
        more = {"nextCursor": str(start + 1000)} if start + 1000 < many else {}
        body = {"jsonrpc": "2.0", "id": request.message["id"], "result": {"tools": tools, **more}}
        writer.write(reply(200, json.dumps(body).encode()))

    async with scripted(tools__list=page) as server, service() as mcp:
        assert len(await mcp.tools(at(server), CALL)) == 10_000
        many += 1
        with pytest.raises(UpstreamInvalid, match="more than 10000 tools"):
            await mcp.tools(McpServer(label="again", url=server.url, authorization="x"), CALL)


async def test_a_server_that_refuses_the_handshake_is_told() -> None:
    async def refuse(request: Request, writer: asyncio.StreamWriter) -> None:
        error = {"jsonrpc": "2.0", "id": request.message["id"], "error": {"code": -32000, "message": "not today"}}
        writer.write(reply(200, json.dumps(error).encode()))

    async with scripted(initialize=refuse, GET=says(404)) as server, service() as mcp:
        with pytest.raises(UpstreamFailed, match="not today"):
            await mcp.tools(at(server), CALL)


async def test_a_server_that_does_not_listen_is_unavailable() -> None:
    async with scripted() as server:
        gone = at(server)
    async with service() as mcp:
        with pytest.raises(UpstreamUnavailable, match="refuses connections"):
            await mcp.tools(gone, CALL)
        output = await mcp.call(gone, "t", {}, CALL)
    assert isinstance(output.error, McpHttpError)
    assert output.error.code == 502


async def test_pings_of_a_server_are_answered_and_other_wishes_refused_and_not_without_end() -> None:
    async def chatter(request: Request, writer: asyncio.StreamWriter) -> None:
        events = [{"jsonrpc": "2.0", "id": n, "method": "ping" if n else "sampling/createMessage"} for n in range(40)]
        last = {"jsonrpc": "2.0", "id": request.message["id"], "result": {"content": []}}
        body = "".join(f"event: message\ndata: {json.dumps(event)}\n\n" for event in [*events, last])
        writer.write(reply(200, body.encode(), "text/event-stream"))

    async with scripted(tools__call=chatter) as server, service() as mcp:
        await put_out(mcp, at(server), "t")
        answers = [request.message for request in server.seen if request.body and "method" not in request.message]
    assert answers[0]["error"]["code"] == -32601
    assert answers[1] == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert len(answers) == 16


async def test_a_session_that_its_server_has_forgotten_is_made_again_and_the_call_made_once_more() -> None:
    sessions: list[str] = []

    async def begin(request: Request, writer: asyncio.StreamWriter) -> None:
        sessions.append(f"s{len(sessions)}")
        about = {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}}
        body = json.dumps({"jsonrpc": "2.0", "id": request.message["id"], "result": about}).encode()
        writer.write(reply(200, body, mcp_session_id=sessions[-1]))

    async def call(request: Request, writer: asyncio.StreamWriter) -> None:
        known = request.headers.get("mcp-session-id") == sessions[-1]
        writer.write(result(request, {"content": []}) if known else reply(404))

    async with scripted(initialize=begin, tools__call=call) as server, service() as mcp:
        await put_out(mcp, at(server), "t")
        sessions.append("restarted")
        await put_out(mcp, at(server), "t")
        assert sessions == ["s0", "restarted", "s2"]
    assert [request.headers["mcp-session-id"] for request in server.seen if request.method == "DELETE"] == ["s0", "s2"]


@pytest.mark.parametrize("endpoint", ["https://elsewhere.example/message", "//elsewhere.example/x", "http://[", "/a b"])
async def test_an_endpoint_elsewhere_is_not_followed(endpoint: str) -> None:
    async def stream(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        writer.write(f"event: endpoint\ndata: {endpoint}\n\n".encode())

    async with scripted(GET=stream) as server:
        connectors = {"c": {"url": server.url, "transport": "sse"}}
        async with service(connectors=connectors) as mcp:
            with pytest.raises(UpstreamInvalid, match="endpoint"):
                await mcp.tools(McpServer(label="c", connector="c"), CALL)


# --- programs


def program(tmp_path: Path, text: str) -> dict[str, object]:
    """A connector whose program is this."""
    script = tmp_path / "server.py"
    script.write_text(text)
    return {"bad": {"command": sys.executable, "args": [str(script)]}}


BAD = McpServer(label="bad", connector="bad")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("raise SystemExit(3)", "has ended"),
        ("print('hello, I am a server', flush=True); input()", "not JSON"),  # one that ends at once may be seen to end
        ("while True: print('x' * 65536, end='')", "too large"),
        ('while True: print(\'{"jsonrpc": "2.0", "method": "n"}\')', "more than it is asked for"),
    ],
)
async def test_a_program_that_speaks_no_mcp_is_told_and_ended(
    tmp_path: Path, text: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with service(connectors=program(tmp_path, text)) as mcp:
            with pytest.raises(UpstreamInvalid, match=words):
                await mcp.tools(BAD, CALL)
    assert "bad" in caplog.text
    assert process_ids_of(str(tmp_path)) == []


async def test_a_program_that_does_not_exist_is_told_without_its_path(caplog: pytest.LogCaptureFixture) -> None:
    async with service(connectors={"bad": {"command": "no-such-program-anywhere"}}) as mcp:
        with pytest.raises(UpstreamInvalid, match="cannot be started") as caught:
            await mcp.tools(BAD, CALL)
    assert "no-such-program" not in caught.value.message
    assert "no-such-program" in caplog.text


async def test_a_program_that_dies_in_a_call_is_started_again_for_the_next() -> None:
    command, *args = node_server("server-everything", "stdio")
    server = McpServer(label="e", connector="e")
    async with service(connectors={"e": {"command": command, "args": args}}) as mcp:
        await put_out(mcp, server, "echo", message="one")
        slow = asyncio.ensure_future(
            mcp.call(server, "trigger-long-running-operation", {"duration": 30, "steps": 1}, CALL)
        )
        await asyncio.sleep(0.1)
        (session,) = [one.result() for one in mcp._sessions._open.values()]
        session.dispatcher._process.kill()  # type: ignore[attr-defined]  # it is one of programs
        output = await asyncio.wait_for(slow, 10)
        assert isinstance(output.error, McpHttpError)
        assert "has ended" in output.error.message
        assert (await put_out(mcp, server, "echo", message="two")).text == "Echo: two"


async def test_a_program_that_will_not_end_is_made_to(tmp_path: Path) -> None:
    text = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)\n"
    async with service(connectors=program(tmp_path, text), timeout=0.3) as mcp:
        with pytest.raises(UpstreamTimeout):
            await mcp.tools(BAD, CALL)
        began = time.monotonic()
    assert time.monotonic() - began < 10
    assert process_ids_of(str(tmp_path)) == []


async def test_a_program_sees_nothing_of_our_variables_but_what_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-ours")
    seen = tmp_path / "seen"
    connectors = program(tmp_path, f"import os\nopen({str(seen)!r}, 'w').write(repr(dict(os.environ)))")
    connectors["bad"]["env"] = {"TOKEN": "theirs"}  # type: ignore[index]  # it is a table
    async with service(connectors=connectors) as mcp:
        with pytest.raises(UpstreamError):
            await mcp.tools(BAD, CALL)
    variables = seen.read_text()
    assert "sk-ours" not in variables
    assert "'TOKEN': 'theirs'" in variables


# --- where URLs lead


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/mcp",
        "http://localhost/mcp",
        "http://169.254.169.254/latest",
        "http://[::1]/",
        "http://10.0.0.1/",
    ],
)
async def test_a_url_of_a_request_leads_to_public_addresses_only(url: str) -> None:
    async with service(Outbound()) as mcp:
        for work in (
            mcp.tools(McpServer(label="x", url=url), CALL),
            mcp.call(McpServer(label="x", url=url), "t", {}, CALL),
        ):
            with pytest.raises(InvalidRequest) as caught:
                await work
            assert (caught.value.param, caught.value.code) == ("server_url", "url_not_allowed")


async def test_a_connector_may_be_at_a_private_address() -> None:
    async with scripted() as server, service(Outbound(), connectors={"c": {"url": server.url}}) as mcp:
        assert (await put_out(mcp, McpServer(label="c", connector="c"), "t")).text == "done"


async def test_a_redirect_is_followed_within_its_server_alone() -> None:
    async with scripted() as other:

        async def away(request: Request, writer: asyncio.StreamWriter) -> None:
            if request.path == "/mcp":
                writer.write(reply(307, location=other.url if elsewhere else "/moved?a=1"))
            else:
                await usual(request, writer)

        for elsewhere in (False, True):
            seen: list[str] = []
            async with scripted(server__discover=away) as server, service() as mcp:
                if elsewhere:
                    with pytest.raises(UpstreamError):
                        await mcp.tools(at(server), CALL)
                else:
                    await mcp.tools(at(server), CALL)
                    seen = [request.path for request in server.seen]
                    assert seen[:2] == ["/mcp", "/moved?a=1"]
        assert other.seen == []


async def test_an_unknown_connector_is_refused_by_name() -> None:
    async with service() as mcp:
        with pytest.raises(InvalidRequest, match="no connector 'gmail'") as caught:
            await mcp.tools(McpServer(label="gmail", connector="gmail"), CALL)
    assert caught.value.param == "connector_id"


async def test_a_huge_list_does_not_hold_up_the_loop() -> None:
    schema = {"type": "object", "properties": {f"p{n}": {"$ref": "#/$defs/s"} for n in range(5)}, "$defs": {"s": {}}}
    tools = [{"name": f"t{n}", "description": "x" * 100, "inputSchema": schema} for n in range(2_000)]
    async with scripted(tools__list=results({"tools": tools})) as server, service() as mcp, LoopWatch() as watch:
        assert len(await mcp.tools(at(server), CALL)) == 2_000
    assert watch.longest < 1.0


async def test_server_everything_can_die_and_come_back() -> None:
    async with service() as mcp:
        async with everything_over_http("streamableHttp") as origin:
            server = McpServer(label="e", url=f"{origin}/mcp")
            await put_out(mcp, server, "echo", message="one")
        output = await mcp.call(server, "echo", {"message": "two"}, CALL)
        assert isinstance(output.error, McpHttpError)
        assert output.error.code == 502
