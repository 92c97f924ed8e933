"""Tools that the caller runs: functions, custom tools, and namespaces of both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from pydantic_core import from_json

from dinrail_core.errors import InvalidRequest
from dinrail_responses.tools.interface import CallerRuns, Desk, Json, ModelCall, Offer, Pen, Told, ToolKind, ToolSet

__all__ = ["INPUT", "FunctionKind", "custom_input"]

INPUT = "input"
"""The one argument by which a model of a chat hands a custom tool its text."""

_ANYTHING: Json = {"type": "object", "properties": {}}


class FunctionKind(ToolKind):
    """Functions and custom tools of the caller's.

    A chat knows functions only, so a custom tool is offered as a function of one text. A grammar is told to the model;
    a regular expression is besides a ``pattern`` of the text, which servers that constrain their models keep to.
    """

    tool_types = frozenset({"function", "custom", "namespace"})

    @asynccontextmanager
    async def open(self, tools: Mapping[int, Json], desk: Desk) -> AsyncIterator[ToolSet]:
        """See :meth:`ToolKind.open`."""
        offers: list[Offer] = []
        for index, tool in tools.items():
            if tool["type"] == "namespace":
                offers += [_offer(inner, tool["name"]) for inner in tool["tools"]]
            else:
                offers.append(_offer(tool, None))
            seen = [(offer.caller_runs.namespace, offer.name) for offer in offers if offer.caller_runs is not None]
            if len(set(seen)) < len(seen):
                raise InvalidRequest("Two tools have the same name.", param=f"tools.{index}.name")
        yield _Functions(offers)


class _Functions(ToolSet):
    def __init__(self, offers: Sequence[Offer]) -> None:
        self._offers = offers

    def offers(self) -> Sequence[Offer]:
        return self._offers

    async def run(self, call: ModelCall, pen: Pen) -> Told | None:
        raise TypeError("The caller runs its functions itself.")

    def chosen(self, choice: Json) -> list[str]:
        item = "custom_tool_call" if choice["type"] == "custom" else "function_call"
        namespace = choice.get("namespace")
        found = []
        for offer in self._offers:
            runs = offer.caller_runs
            assert runs is not None
            if choice["type"] == "namespace":
                if runs.namespace == choice.get("name"):
                    found.append(offer.name)
            elif runs.item == item and runs.name == choice.get("name") and namespace in (None, runs.namespace):
                found.append(offer.name)
        return found


def custom_input(arguments: str) -> str:
    """The text for a custom tool; a model that did not keep to the form has still said something."""
    try:
        found = from_json(arguments)
    except ValueError:
        return arguments
    if isinstance(found, dict) and isinstance(found.get(INPUT), str):
        text: str = found[INPUT]
        return text
    return found if isinstance(found, str) else arguments


def _offer(tool: Json, namespace: str | None) -> Offer:
    if tool["type"] == "function":
        return Offer(
            name=tool["name"],
            description=tool.get("description"),
            parameters=tool.get("parameters") or _ANYTHING,
            strict=tool.get("strict"),
            caller_runs=CallerRuns(item="function_call", name=tool["name"], namespace=namespace),
        )
    text: Json = {"type": "string"}
    described = tool.get("description") or ""
    form = tool.get("format") or {}
    if form.get("type") == "grammar":
        text["description"] = f"Text that follows this {form['syntax']} grammar:\n{form['definition']}"
        if form["syntax"] == "regex":
            text["pattern"] = f"^(?:{form['definition']})$"
    return Offer(
        name=tool["name"],
        description=described or None,
        parameters={"type": "object", "properties": {INPUT: text}, "required": [INPUT], "additionalProperties": False},
        caller_runs=CallerRuns(item="custom_tool_call", name=tool["name"], namespace=namespace),
    )
