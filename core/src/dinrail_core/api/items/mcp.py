"""Tools of MCP servers."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from dinrail_core.api.items.states import GivenId, known_or_not
from dinrail_core.api.open_enum import OpenEnum, Unlisted
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = [
    "McpApprovalRequest",
    "McpApprovalRequestParam",
    "McpApprovalResponse",
    "McpApprovalResponseParam",
    "McpCall",
    "McpCallParam",
    "McpError",
    "McpHttpError",
    "McpListTools",
    "McpListToolsParam",
    "McpProtocolError",
    "McpTool",
    "McpToolError",
    "UnknownMcpError",
]


class McpTool(Wire):
    """A tool that an MCP server has."""

    name: str
    description: str | None | MISSING = MISSING
    input_schema: dict[str, Any]
    """JSON schema of the arguments."""
    annotations: dict[str, Any] | None | MISSING = MISSING


class McpListToolsParam(Wire):
    """The tools of an MCP server, given back as part of the history."""

    type: Literal["mcp_list_tools"] = "mcp_list_tools"
    id: GivenId = MISSING
    server_label: str
    tools: Many[McpTool]
    error: str | None | MISSING = MISSING


class McpListTools(Wire):
    """The tools of an MCP server."""

    type: Literal["mcp_list_tools"] = "mcp_list_tools"
    id: str
    server_label: str
    tools: list[McpTool]
    error: str | None | MISSING = MISSING
    """Why they could not be listed."""


class McpApprovalRequestParam(Wire):
    """A question that was asked, given back as part of the history."""

    type: Literal["mcp_approval_request"] = "mcp_approval_request"
    id: GivenId = MISSING
    server_label: str
    name: str
    arguments: str


class McpApprovalRequest(Wire):
    """Asks whether a tool may be called."""

    type: Literal["mcp_approval_request"] = "mcp_approval_request"
    id: str
    server_label: str
    name: str
    arguments: str
    """JSON text."""


class McpApprovalResponseParam(Wire):
    """Says whether a tool may be called."""

    type: Literal["mcp_approval_response"] = "mcp_approval_response"
    id: GivenId = MISSING
    approval_request_id: str
    approve: bool
    reason: str | None | MISSING = MISSING


class McpApprovalResponse(Wire):
    """Says whether a tool may be called."""

    type: Literal["mcp_approval_response"] = "mcp_approval_response"
    id: str
    approval_request_id: str
    approve: bool
    reason: str | None | MISSING = MISSING


class McpProtocolError(Wire):
    """The server broke the protocol, or said so of us."""

    type: Literal["mcp_protocol_error"] = "mcp_protocol_error"
    code: int
    message: str


class McpToolError(Wire):
    """The tool itself failed."""

    type: Literal["mcp_tool_execution_error"] = "mcp_tool_execution_error"
    content: Any


class McpHttpError(Wire):
    """The server could not be reached, or refused."""

    type: Literal["http_error"] = "http_error"
    code: int
    message: str


class UnknownMcpError(Wire):
    """An error of a kind that the specification does not have; it is handed on as it is."""

    type: str | MISSING = MISSING


def _kind_of_error(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    return known_or_not(value, ("mcp_protocol_error", "mcp_tool_execution_error", "http_error"))


def _kind_of_given_error(value: Any) -> str:
    return "text" if isinstance(value, str) else "known"


_KnownMcpError: TypeAlias = Annotated[McpProtocolError | McpToolError | McpHttpError, Field(discriminator="type")]

GivenMcpError: TypeAlias = Annotated[
    Annotated[_KnownMcpError, Tag("known")] | Annotated[str, Tag("text")], Discriminator(_kind_of_given_error)
]

McpError: TypeAlias = Annotated[
    Annotated[_KnownMcpError, Tag("known")]
    | Annotated[str, Tag("text")]
    | Annotated[UnknownMcpError, Unlisted(), Tag("unknown")],
    Discriminator(_kind_of_error),
]
"""Why a call failed; plain text in older items."""


class McpCallParam(Wire):
    """A call of an MCP server's tool, given back as part of the history."""

    type: Literal["mcp_call"] = "mcp_call"
    id: GivenId = MISSING
    server_label: str
    name: str
    arguments: str
    output: str | None | MISSING = MISSING
    error: GivenMcpError | None | MISSING = MISSING
    status: Literal["in_progress", "completed", "incomplete", "calling", "failed"] | MISSING = MISSING
    approval_request_id: str | None | MISSING = MISSING


class McpCall(Wire):
    """A call of an MCP server's tool."""

    type: Literal["mcp_call"] = "mcp_call"
    id: str
    server_label: str
    name: str
    arguments: str
    """JSON text."""
    output: str | None | MISSING = MISSING
    error: McpError | None | MISSING = MISSING
    status: Annotated[str, OpenEnum("in_progress", "completed", "incomplete", "calling", "failed")] | MISSING = MISSING
    approval_request_id: str | None | MISSING = MISSING
    """The request that was approved before."""
