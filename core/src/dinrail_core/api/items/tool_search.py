"""Tools that join a history on the way: those that a search found, and those that the caller adds."""

from typing import Annotated, Any, Literal

from dinrail_core.api.items.states import AnsweredStatus, CallId, GivenId, GivenStatus
from dinrail_core.api.items.tools import Tool, ToolParam
from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = [
    "AdditionalTools",
    "AdditionalToolsParam",
    "ToolSearchCall",
    "ToolSearchCallParam",
    "ToolSearchOutput",
    "ToolSearchOutputParam",
]


class ToolSearchCallParam(Wire):
    """A search for tools, given back as part of the history."""

    type: Literal["tool_search_call"] = "tool_search_call"
    id: GivenId = MISSING
    call_id: CallId | None | MISSING = MISSING
    execution: Literal["server", "client"] | MISSING = MISSING
    arguments: dict[str, Any]
    status: GivenStatus = MISSING


class ToolSearchCall(Wire):
    """A search for tools."""

    type: Literal["tool_search_call"] = "tool_search_call"
    id: str
    call_id: str | None
    execution: Annotated[str, OpenEnum("server", "client")]
    """Who searches."""
    arguments: Any
    status: AnsweredStatus
    created_by: str | MISSING = MISSING


class ToolSearchOutputParam(Wire):
    """The tools that were found."""

    type: Literal["tool_search_output"] = "tool_search_output"
    id: GivenId = MISSING
    call_id: CallId | None | MISSING = MISSING
    execution: Literal["server", "client"] | MISSING = MISSING
    tools: Many[ToolParam]
    status: GivenStatus = MISSING


class ToolSearchOutput(Wire):
    """The tools that were found."""

    type: Literal["tool_search_output"] = "tool_search_output"
    id: str
    call_id: str | None
    execution: Annotated[str, OpenEnum("server", "client")]
    tools: list[Tool]
    status: AnsweredStatus
    created_by: str | MISSING = MISSING


class AdditionalToolsParam(Wire):
    """Tools that the model has from here on."""

    type: Literal["additional_tools"] = "additional_tools"
    id: GivenId = MISSING
    role: Literal["developer"]
    tools: Many[ToolParam]


class AdditionalTools(Wire):
    """Tools that the model has from here on."""

    type: Literal["additional_tools"] = "additional_tools"
    id: str
    role: Annotated[
        str,
        OpenEnum("unknown", "user", "assistant", "system", "critic", "discriminator", "developer", "tool"),
    ]
    tools: list[Tool]
