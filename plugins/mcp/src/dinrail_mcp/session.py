"""A session with one server: agreed on once, and its list of tools remembered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import mcp_types as types
from mcp import ClientSession, MCPError
from mcp.shared.dispatcher import Dispatcher
from mcp_types import UNSUPPORTED_PROTOCOL_VERSION
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from pydantic import TypeAdapter, ValidationError

from dinrail_core.api.items.mcp import McpTool
from dinrail_mcp.failures import HttpFailure, McpFailure, ServerGone, SessionLost
from dinrail_mcp.place import Changed
from dinrail_mcp.schemas import without_references

__all__ = ["Closable", "Session", "Wanted", "agree"]

R = TypeVar("R")

_CALLED: TypeAdapter[types.CallToolResult | types.InputRequiredResult] = TypeAdapter(
    types.CallToolResult | types.InputRequiredResult
)
_US = types.Implementation(name="dinrail", version="0.1")
_LONGEST_TTL = 3_600.0
_AT_ONCE = 200
"""Tools whose schemas are resolved before the event loop has its turn again."""


class Closable(Dispatcher[Any], Protocol):
    """A dispatcher of ours."""

    async def close(self) -> None:
        """End the session."""


class Wanted(Protocol):
    """What of the configuration is asked here."""

    max_tools: int
    tools_ttl: float


async def agree(connect: Callable[[Changed], Awaitable[Closable]], wanted: Wanted) -> Session:
    """Open a session, in the newest revision that both sides know.

    Raises:
        McpFailure: The server is not there, or cannot be talked with.
        MCPError: It refuses.
    """
    session = Session(wanted)
    session.dispatcher = dispatcher = await connect(session.forget)
    session.client = client = ClientSession(dispatcher=dispatcher, client_info=_US)
    try:
        try:
            await client.discover()
        except MCPError as error:
            # Whoever does not know the question is of the time before 2026-07-28, when there was a handshake.
            if error.code == UNSUPPORTED_PROTOCOL_VERSION and _is_only_newer(error.error.data):
                raise
            await client.initialize()
        except (ValidationError, RuntimeError):
            await client.initialize()
    except (ValidationError, RuntimeError) as error:
        await dispatcher.close()
        raise McpFailure("The server does not speak a revision of MCP that is known here.") from error
    except BaseException:
        await dispatcher.close()
        raise
    return session


def _is_only_newer(data: Any) -> bool:
    supported = data.get("supported") if isinstance(data, dict) else None
    return isinstance(supported, list) and not any(version in HANDSHAKE_PROTOCOL_VERSIONS for version in supported)


class Session:
    """An open session. Make one with :func:`agree`.

    Attributes:
        broken: Whether it is of no use any more.
        used: When it was last used, by the monotonic clock.
        users: How many calls are under way.
    """

    dispatcher: Closable
    client: ClientSession

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._tools: Sequence[McpTool] | None = None
        self._good_until = 0.0
        self._listing = asyncio.Lock()
        self._changes = 0
        self.broken = False
        self.used = time.monotonic()
        self.users = 0

    def forget(self) -> None:
        """The list of tools is not good any more."""
        self._changes += 1
        self._good_until = 0.0

    async def tools(self) -> Sequence[McpTool]:
        """The server's tools; asked for where what is remembered is too old.

        Raises:
            MCPError: The server refuses.
            McpFailure: It broke the protocol, or has too many tools.
        """
        if (found := self._good_tools()) is not None:
            return found
        async with self._listing:
            if (found := self._good_tools()) is not None:
                return found
            changes = self._changes
            tools, ttl = await self._guarded(self._list())
            self._tools = tools
            if changes == self._changes:
                self._good_until = time.monotonic() + ttl
            return tools

    async def call(self, name: str, arguments: Mapping[str, Any]) -> types.CallToolResult:
        """Call a tool.

        Raises:
            MCPError: The server refuses.
            McpFailure: It broke the protocol, or is gone.
        """
        if self._tools is None:
            await self.tools()  # since 2026-07-28 the list says which arguments are headers as well
        params = types.CallToolRequestParams(name=name, arguments=dict(arguments))
        result = await self._guarded(self.client.send_request(types.CallToolRequest(params=params), _CALLED))
        if isinstance(result, types.InputRequiredResult):
            raise McpFailure("The tool asks for input that nobody is here to give.")
        return result

    async def close(self) -> None:
        """End it."""
        self.broken = True
        await self.dispatcher.close()

    def _good_tools(self) -> Sequence[McpTool] | None:
        return self._tools if time.monotonic() < self._good_until else None

    async def _list(self) -> tuple[tuple[McpTool, ...], float]:
        found: dict[str, McpTool] = {}
        cursors: set[str] = set()
        cursor: str | None = None
        while True:
            params = types.PaginatedRequestParams(cursor=cursor) if cursor is not None else None
            page = await self.client.list_tools(params=params)
            for number, tool in enumerate(page.tools, 1):
                found.setdefault(tool.name, _told(tool))
                if number % _AT_ONCE == 0:
                    await asyncio.sleep(0)
            if len(found) > self._wanted.max_tools:
                raise McpFailure(f"The server has more than {self._wanted.max_tools} tools.")
            cursor = page.next_cursor
            if not cursor:
                ttl = min(page.ttl_ms / 1000, _LONGEST_TTL) if page.ttl_ms > 0 else self._wanted.tools_ttl
                return tuple(found.values()), ttl
            if cursor in cursors or not page.tools:
                raise McpFailure("The server's list of tools has no end.")
            cursors.add(cursor)

    async def _guarded(self, work: Awaitable[R]) -> R:
        """Await something of the session's; what shows that it is over ends it."""
        try:
            return await work
        except (SessionLost, ServerGone):
            self.broken = True
            raise
        except HttpFailure as error:
            # The name may have moved to another address: the next session asks the resolver again.
            self.broken = self.broken or error.status == 502
            raise
        except ValidationError as error:
            raise McpFailure(f"The server's answer does not keep to the protocol: {_first(error)}.") from error


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(str(step) for step in problem['loc'])}: {problem['msg']}"


def _told(tool: types.Tool) -> McpTool:
    """A tool as items tell it."""
    annotations = None
    if tool.annotations is not None:
        annotations = tool.annotations.model_dump(mode="json", by_alias=True, exclude_none=True)
    return McpTool(
        name=tool.name,
        description=tool.description or tool.title,
        input_schema=without_references(tool.input_schema),
        annotations=annotations,
    )
