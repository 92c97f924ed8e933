"""Calls of functions and of custom tools, which the caller answers."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from dinrail_core.api.items.content import InputPart, InputPartParam
from dinrail_core.api.items.states import AnsweredStatus, Caller, CallId, GivenId, GivenStatus, LongText
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = [
    "CustomToolCall",
    "CustomToolCallOutput",
    "CustomToolCallOutputParam",
    "CustomToolCallParam",
    "FunctionCall",
    "FunctionCallOutput",
    "FunctionCallOutputParam",
    "FunctionCallParam",
]

OutputParam: TypeAlias = LongText | Many[InputPartParam]
Output: TypeAlias = str | list[InputPart]


class FunctionCallParam(Wire):
    """A call that the model made, given back as part of the history."""

    type: Literal["function_call"] = "function_call"
    id: GivenId = MISSING
    call_id: Annotated[str, Field(min_length=1)]
    caller: Caller | None | MISSING = MISSING
    namespace: str | None | MISSING = MISSING
    name: Annotated[str, Field(min_length=1)]
    arguments: str
    status: GivenStatus = MISSING


class FunctionCall(Wire):
    """The model's call of a function."""

    type: Literal["function_call"] = "function_call"
    id: str
    call_id: str
    """What the output refers to."""
    caller: Caller | None | MISSING = MISSING
    namespace: str | MISSING = MISSING
    name: str
    arguments: str
    """JSON text as the model wrote it, which need not be valid."""
    status: AnsweredStatus
    created_by: str | MISSING = MISSING


class FunctionCallOutputParam(Wire):
    """What a function returned."""

    type: Literal["function_call_output"] = "function_call_output"
    id: GivenId = MISSING
    call_id: CallId | None | MISSING = MISSING
    output: OutputParam
    name: Annotated[str, Field(min_length=1, max_length=128)] | None | MISSING = MISSING
    namespace: Annotated[str, Field(min_length=1, max_length=64, pattern="^[a-zA-Z0-9_-]+$")] | None | MISSING = MISSING
    caller: Caller | None | MISSING = MISSING
    status: GivenStatus = MISSING


class FunctionCallOutput(Wire):
    """What a function returned."""

    type: Literal["function_call_output"] = "function_call_output"
    id: str
    call_id: str | MISSING = MISSING
    output: Output
    name: str | MISSING = MISSING
    namespace: str | MISSING = MISSING
    caller: Caller | None | MISSING = MISSING
    status: AnsweredStatus
    created_by: str | MISSING = MISSING


class CustomToolCallParam(Wire):
    """A call of a custom tool, given back as part of the history."""

    type: Literal["custom_tool_call"] = "custom_tool_call"
    id: GivenId = MISSING
    call_id: Annotated[str, Field(min_length=1)]
    caller: Caller | None | MISSING = MISSING
    namespace: str | None | MISSING = MISSING
    name: Annotated[str, Field(min_length=1)]
    input: str
    status: GivenStatus = MISSING


class CustomToolCall(Wire):
    """The model's call of a custom tool, which takes text instead of JSON."""

    type: Literal["custom_tool_call"] = "custom_tool_call"
    id: str
    call_id: str
    caller: Caller | None | MISSING = MISSING
    namespace: str | MISSING = MISSING
    name: str
    input: str
    status: AnsweredStatus
    created_by: str | MISSING = MISSING


class CustomToolCallOutputParam(Wire):
    """What a custom tool returned."""

    type: Literal["custom_tool_call_output"] = "custom_tool_call_output"
    id: GivenId = MISSING
    call_id: Annotated[str, Field(min_length=1)]
    caller: Caller | None | MISSING = MISSING
    output: OutputParam
    status: GivenStatus = MISSING


class CustomToolCallOutput(Wire):
    """What a custom tool returned."""

    type: Literal["custom_tool_call_output"] = "custom_tool_call_output"
    id: str
    call_id: str
    caller: Caller | None | MISSING = MISSING
    output: Output
    status: AnsweredStatus
    created_by: str | MISSING = MISSING
