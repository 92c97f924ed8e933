"""The service: from what a request says of a server to its tools and their output."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_network
from typing import Any, TypeVar

from mcp import MCPError

from dinrail_core.api.call import Call
from dinrail_core.api.items.mcp import McpHttpError, McpProtocolError, McpTool
from dinrail_core.api.mcp import McpClient, McpOutput, McpServer
from dinrail_core.errors import (
    InvalidRequest,
    Unavailable,
    UpstreamError,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from dinrail_core.hooks import Outbound
from dinrail_mcp.failures import HttpFailure, McpFailure, SessionLost
from dinrail_mcp.headers import headers_for
from dinrail_mcp.http import HttpDispatcher
from dinrail_mcp.outputs import output_of
from dinrail_mcp.place import Changed, Limits, Place
from dinrail_mcp.plugin import Connector, McpConfig
from dinrail_mcp.session import Closable, Session, agree
from dinrail_mcp.sessions import Sessions, key_of
from dinrail_mcp.sse import SseDispatcher
from dinrail_mcp.stdio import Program, StdioDispatcher
from dinrail_sdk.outbound import resolve
from dinrail_sdk.upstream.pool import client_tls

__all__ = ["McpService"]

R = TypeVar("R")

_EVERYWHERE = Outbound((ip_network("0.0.0.0/0"), ip_network("::/0")))
_MAY_SPEAK_SSE = frozenset({400, 404, 405, 406, 415, 501})
"""What servers of the older form answer to a POST."""


class McpService(McpClient):
    """Reaches servers over sessions that are kept.

    A session belongs to who made it, with what it was made with. A connector that is used with the operator's own
    credentials is one for all.

    Args:
        config: What servers are held to, and the operator's connectors.
        outbound: Where URLs of requests may lead.
    """

    def __init__(self, config: McpConfig, outbound: Outbound) -> None:
        self._config = config
        self._outbound = outbound
        self._limits = Limits(config.timeout, config.max_result_bytes, config.max_list_bytes)
        self._sessions = Sessions(config.max_sessions, config.idle)
        self._tls: asyncio.Task[ssl.SSLContext] | None = None

    async def close(self) -> None:
        """End every session."""
        await self._sessions.close()

    async def check(self, server: McpServer, call: Call) -> None:
        """See :meth:`McpClient.check`; there is nothing to look at where a session is open."""
        connector = self._connector(server)
        if (connector is None or connector.command is None) and not self._sessions.has(
            self._key(server, connector, call)
        ):
            with suppress(UpstreamError):  # a name that cannot be looked up now is told when tools are listed
                await self._place(server, connector)

    async def tools(self, server: McpServer, call: Call) -> Sequence[McpTool]:
        """See :meth:`McpClient.tools`."""
        try:
            async with self._in_time(call):
                return await self._twice(server, call, lambda session: session.tools())
        except HttpFailure as error:
            kind = UpstreamTimeout if error.status == 504 else UpstreamUnavailable
            raise kind(_named(server, error.message)) from error
        except MCPError as error:
            raise UpstreamFailed(_named(server, error.message)) from error
        except McpFailure as error:
            raise UpstreamInvalid(_named(server, error.message)) from error
        except TimeoutError:
            raise UpstreamTimeout(_named(server, "The server did not list its tools in time.")) from None

    async def call(self, server: McpServer, name: str, arguments: Mapping[str, Any], call: Call) -> McpOutput:
        """See :meth:`McpClient.call`."""
        try:
            async with self._in_time(call):
                return output_of(await self._twice(server, call, lambda session: session.call(name, arguments)))
        except MCPError as error:
            return McpOutput(error=McpProtocolError(code=error.code, message=_in_full(error)))
        except HttpFailure as error:
            return McpOutput(error=McpHttpError(code=error.status, message=error.message))
        except McpFailure as error:
            return McpOutput(error=McpHttpError(code=502, message=error.message))
        except (UpstreamError, Unavailable) as error:
            return McpOutput(error=McpHttpError(code=502, message=error.message))
        except TimeoutError:
            return McpOutput(error=McpHttpError(code=504, message="The tool did not answer in time."))

    @asynccontextmanager
    async def _in_time(self, call: Call) -> AsyncIterator[None]:
        remaining = call.remaining()
        seconds = self._config.timeout if remaining is None else min(remaining, self._config.timeout)
        async with asyncio.timeout(seconds):
            yield

    async def _twice(self, server: McpServer, call: Call, ask: Callable[[Session], Awaitable[R]]) -> R:
        """Ask in a session, and once more in a new one where the server has forgotten it."""
        connector = self._connector(server)
        key = self._key(server, connector, call)

        async def make() -> Session:
            return await self._agreed(server, connector)

        try:
            async with self._sessions.session(key, make) as session:
                return await ask(session)
        except SessionLost:
            async with self._sessions.session(key, make) as session:
                return await ask(session)

    def _connector(self, server: McpServer) -> Connector | None:
        if server.url is not None:
            return None
        found = self._config.connectors.get(server.connector or "")
        if found is None:
            raise InvalidRequest(
                f"There is no connector '{server.connector}' on this server; say the 'server_url' of an MCP server.",
                param="connector_id",
                code="unknown_connector",
            )
        if found.command is not None and (server.authorization or server.headers):
            raise InvalidRequest(
                f"The connector '{server.connector}' is a program, which takes no authorization and no headers.",
                param="authorization" if server.authorization else "headers",
            )
        return found

    def _key(self, server: McpServer, connector: Connector | None, call: Call) -> bytes:
        who = call.principal
        ours = connector is not None and not server.authorization and not server.headers
        whose = None if ours else [who.tenant, who.user]
        return key_of([whose, server.url, server.connector, server.authorization, sorted(server.headers.items())])

    async def _agreed(self, server: McpServer, connector: Connector | None) -> Session:
        if connector is not None and connector.command is not None:
            program = _program(server.connector or "", connector)

            async def start(changed: Changed) -> Closable:
                return await StdioDispatcher.start(program, self._limits, changed)

            return await agree(start, self._config)
        return await self._agreed_over_http(await self._place(server, connector), connector)

    async def _agreed_over_http(self, place: Place, connector: Connector | None) -> Session:
        async def post(changed: Changed) -> Closable:
            return HttpDispatcher(place, changed)

        async def listen(changed: Changed) -> Closable:
            return await SseDispatcher.connect(place, changed)

        transport = connector.transport if connector is not None else "auto"
        if transport == "sse":
            return await agree(listen, self._config)
        try:
            return await agree(post, self._config)
        except (HttpFailure, MCPError) as error:
            status = error.status if isinstance(error, HttpFailure) else 404
            if transport == "http" or status not in _MAY_SPEAK_SSE:
                raise
            try:
                return await agree(listen, self._config)
            except (McpFailure, MCPError):
                raise error from None  # what it said to the newer form tells more

    async def _place(self, server: McpServer, connector: Connector | None) -> Place:
        if connector is None:
            url, rules = server.url or "", self._outbound
        else:
            url, rules = str(connector.url), _EVERYWHERE
        headers = headers_for(server, connector)
        destination = await resolve(url, rules, param="server_url")
        return Place(destination, await self._context() if destination.tls else None, headers, self._limits)

    async def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = asyncio.ensure_future(asyncio.to_thread(client_tls))
        return await asyncio.shield(self._tls)


def _program(name: str, connector: Connector) -> Program:
    assert connector.command is not None
    env = {variable: value.get_secret_value() for variable, value in connector.env.items()}
    return Program(name, connector.command, connector.args, env, connector.cwd)


def _named(server: McpServer, message: str) -> str:
    return f"The MCP server '{server.label}' failed: {message}"


def _in_full(error: MCPError) -> str:
    return error.message if error.error.data is None else f"{error.message} ({error.error.data})"
