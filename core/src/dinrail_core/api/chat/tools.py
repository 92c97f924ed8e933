"""Tools that a model may call, how the caller steers the choice, and the calls themselves."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = [
    "AllowedTools",
    "AllowedToolsChoice",
    "CustomCall",
    "CustomTool",
    "CustomToolCall",
    "CustomToolSpec",
    "FunctionCall",
    "FunctionSpec",
    "FunctionTool",
    "FunctionToolCall",
    "Grammar",
    "GrammarFormat",
    "LegacyFunction",
    "NamedCustomChoice",
    "NamedFunctionChoice",
    "TextFormat",
    "Tool",
    "ToolCall",
    "ToolChoice",
    "ToolName",
]


class FunctionSpec(Wire):
    """A function that the caller runs when the model asks for it."""

    name: str
    """Letters, digits, ``_`` and ``-``; at most 64."""
    description: str | MISSING = MISSING
    parameters: dict[str, Any] | MISSING = MISSING
    """JSON schema of the arguments; without it the function takes none."""
    strict: bool | None | MISSING = MISSING
    """Whether the arguments must follow ``parameters`` to the letter."""


class FunctionTool(Wire):
    """A function whose arguments are JSON."""

    type: Literal["function"] = "function"
    function: FunctionSpec


class TextFormat(Wire):
    """Input of a custom tool without any form."""

    type: Literal["text"] = "text"


class Grammar(Wire):
    """A formal grammar."""

    definition: str
    syntax: Literal["lark", "regex"]


class GrammarFormat(Wire):
    """Input of a custom tool that follows a grammar."""

    type: Literal["grammar"] = "grammar"
    grammar: Grammar


class CustomToolSpec(Wire):
    """A tool that takes text instead of JSON."""

    name: str
    description: str | MISSING = MISSING
    format: Annotated[TextFormat | GrammarFormat, Field(discriminator="type")] | MISSING = MISSING


class CustomTool(Wire):
    """A tool that takes text instead of JSON."""

    type: Literal["custom"] = "custom"
    custom: CustomToolSpec


Tool: TypeAlias = Annotated[FunctionTool | CustomTool, Field(discriminator="type")]
"""A tool that is offered to the model."""


class ToolName(Wire):
    """Names one tool, or one of the deprecated ``functions``."""

    name: str


class NamedFunctionChoice(Wire):
    """The model must call this function."""

    type: Literal["function"] = "function"
    function: ToolName


class NamedCustomChoice(Wire):
    """The model must call this custom tool."""

    type: Literal["custom"] = "custom"
    custom: ToolName


class AllowedTools(Wire):
    """A selection from the tools of the request, which keeps the prompt (and its cache) as it is."""

    mode: Literal["auto", "required"]
    tools: Many[dict[str, Any]]
    """Tools by reference, such as ``{"type": "function", "function": {"name": "weather"}}``."""


class AllowedToolsChoice(Wire):
    """The model may, or must, call one of a selection of tools."""

    type: Literal["allowed_tools"] = "allowed_tools"
    allowed_tools: AllowedTools


ToolChoice: TypeAlias = (
    Literal["none", "auto", "required"]
    | Annotated[AllowedToolsChoice | NamedFunctionChoice | NamedCustomChoice, Field(discriminator="type")]
)
"""Whether tools are called, and which."""


class LegacyFunction(Wire):
    """A function in the deprecated list ``functions``."""

    name: str
    description: str | MISSING = MISSING
    parameters: dict[str, Any] | MISSING = MISSING


class FunctionCall(Wire):
    """A function and what it is called with."""

    name: str
    arguments: str
    """JSON text as the model wrote it, which need not be valid."""


class FunctionToolCall(Wire):
    """The model's call of a function."""

    id: str
    type: Literal["function"] = "function"
    function: FunctionCall


class CustomCall(Wire):
    """A custom tool and what it is called with."""

    name: str
    input: str


class CustomToolCall(Wire):
    """The model's call of a custom tool."""

    id: str
    type: Literal["custom"] = "custom"
    custom: CustomCall


ToolCall: TypeAlias = Annotated[FunctionToolCall | CustomToolCall, Field(discriminator="type")]
"""A call that the model made."""
