"""Declares the ``mcp`` service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, Field, HttpUrl, model_validator

from dinrail_core.api.mcp import McpClient
from dinrail_core.hooks import Context, Secret, ServiceType, hookimpl
from dinrail_sdk.upstream import HeaderSecret, Seconds

if TYPE_CHECKING:
    from dinrail_mcp.service import McpService

__all__ = ["DINRAIL_API", "MCP", "Connector", "McpConfig", "dinrail_services"]

DINRAIL_API = ">=1.0,<2"


class Connector(BaseModel, extra="forbid", defer_build=True):
    """A server that the operator vouches for: at a URL, or a program that is started here."""

    url: HttpUrl | None = None
    """Where it is; private addresses are no obstacle. Either this or `command`."""
    transport: Literal["auto", "http", "sse"] = "auto"
    """Streamable HTTP, or the older HTTP with SSE; `auto` tries one after the other."""
    headers: dict[str, HeaderSecret] = {}
    """Sent with every request to it."""
    authorization: Secret | None = None
    """A bearer token for it; one that a caller gives takes its place."""
    command: Annotated[str, Field(min_length=1)] | None = None
    """The program, which speaks MCP over its standard input and output. Either this or `url`."""
    args: tuple[str, ...] = ()
    """Its arguments."""
    env: dict[str, Secret] = {}
    """Its variables, beside a few harmless ones such as `PATH`."""
    cwd: Path | None = None
    """The folder that it is started in."""

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.url is None) == (self.command is None):
            raise ValueError("needs either url or command")
        if self.command is None and (self.args or self.env or self.cwd):
            raise ValueError("args, env and cwd go with command")
        if self.url is None and (self.headers or self.authorization or self.transport != "auto"):
            raise ValueError("headers, authorization and transport go with url")
        return self


class McpConfig(BaseModel, extra="forbid", defer_build=True):
    """Servers of the operator's, and what any server is held to."""

    connectors: dict[str, Connector] = {}
    """Servers that a request names by `connector_id`, or by `server_label` alone."""
    timeout: Seconds = 30.0
    """Seconds that a call may take, or a list of tools, connecting included."""
    max_result_bytes: Annotated[int, Field(ge=1024, le=64 * 2**20)] = 2**20
    """The largest result of a call."""
    max_list_bytes: Annotated[int, Field(ge=1024, le=64 * 2**20)] = 8 * 2**20
    """The largest list of tools."""
    max_tools: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    """The longest list of tools."""
    tools_ttl: Annotated[float, Field(ge=0, le=86_400)] = 300.0
    """Seconds for which a list of tools is good, where its server does not say for how long."""
    max_sessions: Annotated[int, Field(ge=1, le=10_000)] = 256
    """Sessions that are kept at once; the one that has been idle for longest makes room."""
    idle: Seconds = 300.0
    """Seconds after which an unused session is closed."""


@asynccontextmanager
async def _open(config: McpConfig, context: Context) -> AsyncIterator[object]:
    service = (await asyncio.to_thread(_service))(config, context.outbound)
    try:
        yield service
    finally:
        await service.close()


def _service() -> type[McpService]:
    """The implementation; importing it brings the SDK of MCP, which takes too long for the event loop."""
    from dinrail_mcp.service import McpService

    return McpService


MCP = ServiceType(
    name="mcp",
    config=McpConfig,
    provides=frozenset({McpClient}),
    open=_open,
    summary="Tools of MCP servers",
)


@hookimpl
def dinrail_services() -> Iterable[ServiceType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_services`."""
    yield MCP
