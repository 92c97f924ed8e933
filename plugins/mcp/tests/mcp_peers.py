"""Servers that the tests talk with: real ones in JavaScript and Python, and one that misbehaves as it is told."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations
from pydantic import BaseModel

from dinrail_core.api.call import Call
from dinrail_core.api.mcp import McpOutput, McpServer
from dinrail_core.hooks import Outbound
from dinrail_mcp.plugin import McpConfig
from dinrail_mcp.service import McpService

CALL = Call()
_PEERS = Path(__file__).with_name("node")


def node_server(name: str, *arguments: str) -> list[str]:
    """How a server in JavaScript is started."""
    script = _PEERS / "node_modules" / "@modelcontextprotocol" / name / "dist" / "index.js"
    node = shutil.which("node")
    if node is None or not script.exists():
        pytest.skip("NO REAL MCP SERVER IS TALKED WITH: they are not installed; `make test-install` does, where npm is")
    return [node, str(script), *arguments]


@asynccontextmanager
async def everything_over_http(transport: str) -> AsyncIterator[str]:
    """``server-everything`` on a port of its own; its origin."""
    node, *rest = node_server("server-everything", transport)
    process = await asyncio.create_subprocess_exec(
        node, "--import", str(_PEERS / "loopback.mjs"), *rest, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(30):
            while not (found := re.match(rb"PORT=(\d+)", await process.stderr.readline())):
                assert process.returncode is None, "The server does not start."
        drain = asyncio.ensure_future(process.stderr.read())
        yield f"http://127.0.0.1:{int(found[1])}"
    finally:
        process.kill()
        await process.wait()
    await drain


@asynccontextmanager
async def service(outbound: Outbound | None = None, **config: Any) -> AsyncIterator[McpService]:
    """The service that is tested; requests may lead to this machine."""
    from ipaddress import ip_network

    opened = McpService(McpConfig.model_validate(config), outbound or Outbound((ip_network("127.0.0.0/8"),)))
    try:
        yield opened
    finally:
        await opened.close()


async def put_out(mcp: McpService, server: McpServer, name: str, **arguments: Any) -> McpOutput:
    """Call a tool, which must work."""
    output = await mcp.call(server, name, arguments, CALL)
    assert output.error is None, output.error
    return output


# --- a server in Python


class Point(BaseModel):
    """A place with another inside it, so that its schema has references."""

    x: int
    inner: Point | None = None


@dataclass
class Own:
    """A server of the tests' own; what reached it."""

    url: str
    requests: list[tuple[str, str | None, Mapping[str, str]]] = field(default_factory=list)
    tools: MCPServer[Any] = field(default_factory=lambda: MCPServer("own"))

    @property
    def posts(self) -> list[str | None]:
        """The JSON-RPC methods of every POST."""
        return [method for verb, method, _ in self.requests if verb == "POST"]


@asynccontextmanager
async def own_server(*, json_answers: bool = False) -> AsyncIterator[Own]:
    """A server of the newest revision, which knows the older ones too, on this event loop."""
    own = Own("")
    own.tools.tool(annotations=ToolAnnotations(read_only_hint=True))(add)
    own.tools.tool()(locate)
    own.tools.tool()(headers_seen)
    app = own.tools.streamable_http_app(json_response=json_answers)

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        message = await receive()
        with suppress(ValueError):
            method = json.loads(message.get("body") or b"{}").get("method")
            names = {name.decode(): value.decode() for name, value in scope["headers"]}
            own.requests.append((scope["method"], method, names))
            _SEEN.clear()
            _SEEN.update(names)
        first = [message]

        async def again() -> Any:
            return first.pop() if first else await receive()

        return await app(scope, again, send)

    config = uvicorn.Config(counted, host="127.0.0.1", port=0, log_level="critical", ws="none", lifespan="on")
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # it runs inside a test
    serving = asyncio.ensure_future(server.serve())
    try:
        async with asyncio.timeout(20):
            while not server.started:
                assert not serving.done(), "The server does not start."
                await asyncio.sleep(0.01)
        own.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/mcp"
        yield own
    finally:
        server.should_exit = True
        await serving


_SEEN: dict[str, str] = {}


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def locate(point: Point, again: Point | None = None) -> str:
    """Say where."""
    return f"at {point.x}"


def headers_seen() -> dict[str, str]:
    """What the server was sent."""
    return dict(_SEEN)


# --- a server that does as it is told


@dataclass
class Request:
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        """The JSON-RPC message."""
        found: dict[str, Any] = json.loads(self.body)
        return found


Respond = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Scripted:
    """A server that answers the handshake of 2025-06-18 and leaves the rest to a test."""

    respond: dict[str, Respond]
    url: str = ""
    seen: list[Request] = field(default_factory=list)
    connections: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        connection = asyncio.current_task()
        assert connection is not None
        self.connections.add(connection)
        try:
            await self._talk(reader, writer)
        finally:
            self.connections.discard(connection)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                method, path, _ = first.split(" ")
                request = Request(method, path, headers, body)
                self.seen.append(request)
                name = request.message.get("method", "") if body else method
                await self.respond.get(name, usual)(request, writer)
                await writer.drain()


@asynccontextmanager
async def scripted(**respond: Respond) -> AsyncIterator[Scripted]:
    """Run one; names of methods have ``__`` in the place of a slash."""
    told = {name.replace("__", "/"): one for name, one in respond.items()}
    server = Scripted(told)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/mcp"
    try:
        yield server
    finally:
        listening.close()
        for connection in (open_ones := list(server.connections)):
            connection.cancel()
        await asyncio.gather(*open_ones, return_exceptions=True)


def reply(status: int, body: bytes = b"", kind: str = "application/json", **headers: str) -> bytes:
    """An answer on the wire."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n{more}\r\n".encode() + body


def result(request: Request, value: object) -> bytes:
    """A JSON-RPC result."""
    return reply(200, json.dumps({"jsonrpc": "2.0", "id": request.message["id"], "result": value}).encode())


def says(status: int, body: bytes = b"", kind: str = "application/json", **headers: str) -> Respond:
    """Answer with this."""

    async def respond(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(status, body, kind, **headers))

    return respond


def results(value: object) -> Respond:
    """Answer with this result."""

    async def respond(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(result(request, value))

    return respond


def puts_out(*content: object, **more: object) -> Respond:
    """Answer a call with this content."""
    return results({"content": list(content), **more})


async def usual(request: Request, writer: asyncio.StreamWriter) -> None:
    """Answer as a good server does."""
    message = request.message if request.body else {}
    match message.get("method"):
        case "initialize":
            about = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}}
            about["serverInfo"] = {"name": "scripted", "version": "1"}
            writer.write(result(request, about))
        case "tools/list":
            writer.write(result(request, {"tools": [{"name": "t", "inputSchema": {"type": "object"}}]}))
        case "tools/call":
            writer.write(result(request, {"content": [{"type": "text", "text": "done"}]}))
        case "server/discover":
            error = {"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": "no"}}
            writer.write(reply(200, json.dumps(error).encode()))
        case _:
            writer.write(reply(202 if request.body else 405))


def process_ids_of(text: str) -> list[int]:
    """Processes whose command line has a text in it."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            with suppress(OSError):
                if text.encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
    return found
