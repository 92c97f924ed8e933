"""Which tools of a request the model may call, and whether it must."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.tools import (
    AllowedTools,
    AllowedToolsChoice,
    CustomTool,
    FunctionTool,
    GrammarFormat,
    NamedCustomChoice,
    NamedFunctionChoice,
    Tool,
)
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import InvalidRequest, UnsupportedFeature
from dinrail_llamacpp.patterns import PatternProblem, translate

__all__ = ["NO_ARGUMENTS", "Offer", "OfferedTool", "offer_of"]

NO_ARGUMENTS: Mapping[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
"""The schema of a function that declares no parameters."""


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """One tool.

    Attributes:
        param: Where it stands in the request, dotted.
        name: Its name.
        description: What it does, or nothing.
        schema: The JSON schema of a function's arguments, or of a custom tool's input (a string).
        custom: Whether it takes text instead of JSON.
        strict: Whether the schema must be followed to the letter.
    """

    param: str
    name: str
    description: str
    schema: Mapping[str, Any]
    custom: bool = False
    strict: bool = False

    @property
    def schema_param(self) -> str:
        """The field of the request that holds the schema."""
        return f"{self.param}.custom.format" if self.custom else f"{self.param}.function.parameters"


@dataclass(frozen=True, slots=True)
class Offer:
    """What the model is offered.

    Attributes:
        listed: The tools that the prompt lists: all, so that it stays the same for every choice among them.
        callable: Those that may be called.
        must: Whether one must be called.
        several: Whether one answer may call several.
    """

    listed: Sequence[OfferedTool]
    callable: Sequence[OfferedTool]
    must: bool
    several: bool


def offer_of(request: ChatRequest) -> Offer | None:
    """Read ``tools``, ``tool_choice`` and ``parallel_tool_calls``.

    Returns:
        ``None`` where nothing may be called.

    Raises:
        InvalidRequest: The choice names a tool that is not there, or two tools have one name.
        UnsupportedFeature: A custom tool's grammar is of a kind that cannot be followed.
    """
    tools = [] if request.tools is MISSING else [_tool(index, tool) for index, tool in enumerate(request.tools)]
    choice = "auto" if request.tool_choice is MISSING else request.tool_choice
    if not tools:
        if choice not in ("auto", "none"):
            raise InvalidRequest("'tool_choice' needs 'tools' to choose from.", param="tool_choice")
        return None
    by_name: dict[str, OfferedTool] = {}
    for tool in tools:
        if tool.name in by_name:
            raise InvalidRequest(f"Two tools have the name '{tool.name}'.", param=tool.param)
        by_name[tool.name] = tool
    several = request.parallel_tool_calls is True
    match choice:
        case "none":
            return None
        case "auto" | "required":
            return Offer(tools, tools, choice == "required", several)
        case NamedFunctionChoice():
            return Offer(tools, [_named(by_name, choice.function.name, custom=False)], True, False)
        case NamedCustomChoice():
            return Offer(tools, [_named(by_name, choice.custom.name, custom=True)], True, False)
        case AllowedToolsChoice():
            allowed = _allowed(by_name, choice.allowed_tools)
            must = choice.allowed_tools.mode == "required"
            if not allowed and must:
                raise InvalidRequest("One of no tools must be called.", param="tool_choice.allowed_tools.tools")
            return Offer(tools, allowed, must, several) if allowed else None
    raise UnsupportedFeature("This kind of 'tool_choice' is not supported.", param="tool_choice")


def _tool(index: int, tool: Tool) -> OfferedTool:
    param = f"tools.{index}"
    match tool:
        case FunctionTool(function=function):
            return OfferedTool(
                param,
                function.name,
                "" if function.description is MISSING else function.description,
                NO_ARGUMENTS if function.parameters is MISSING or not function.parameters else function.parameters,
                strict=function.strict is True,
            )
        case CustomTool(custom=custom):
            description = "" if custom.description is MISSING else custom.description
            return OfferedTool(param, custom.name, description, _input_schema(param, custom.format), custom=True)
    raise UnsupportedFeature("This kind of tool is not supported.", param=param)


def _input_schema(param: str, form: object) -> Mapping[str, Any]:
    if not isinstance(form, GrammarFormat):
        return {"type": "string"}
    if form.grammar.syntax != "regex":
        raise UnsupportedFeature(
            "Only grammars of the syntax 'regex' can be followed here.", param=f"{param}.custom.format.grammar.syntax"
        )
    try:
        pattern = translate(form.grammar.definition, whole=True)
    except PatternProblem as problem:
        raise UnsupportedFeature(
            f"This regular expression cannot be followed: {problem}.", param=f"{param}.custom.format.grammar.definition"
        ) from None
    return {"type": "string", "pattern": pattern}


def _named(by_name: Mapping[str, OfferedTool], name: str, *, custom: bool) -> OfferedTool:
    tool = by_name.get(name)
    if tool is None or tool.custom is not custom:
        raise InvalidRequest(f"There is no tool '{name}' of this kind in 'tools'.", param="tool_choice")
    return tool


def _allowed(by_name: Mapping[str, OfferedTool], choice: AllowedTools) -> list[OfferedTool]:
    allowed: dict[str, OfferedTool] = {}
    for index, reference in enumerate(choice.tools):
        kind = reference.get("type")
        # As Chat Completions writes it, with the name inside; the flat form is that of the Responses API.
        inner = reference.get(kind) if isinstance(kind, str) else None
        name = inner.get("name") if isinstance(inner, Mapping) else reference.get("name")
        tool = by_name.get(name) if isinstance(name, str) else None
        if tool is None or (kind == "custom") is not tool.custom:
            raise InvalidRequest(
                "An allowed tool is not among 'tools'.", param=f"tool_choice.allowed_tools.tools.{index}"
            )
        allowed[tool.name] = tool
    return list(allowed.values())
