"""Tools that an upstream runs itself, where nothing here serves them: pure, but for asking what is installed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from dinrail_core.errors import UnsupportedFeature
from dinrail_core.hooks.context import Rail
from dinrail_responses.tools.interface import Json, ToolKind

__all__ = ["Divided", "divided", "is_hosted", "names_something"]

_OURS = frozenset({"mcp", "file_search"})
"""What these name is kept here, or is secret, so no upstream is handed them."""

_TIES = frozenset({"call_id", "caller_id"})
"""Ids that tie items of one history together."""


@dataclass(frozen=True, slots=True)
class Divided:
    """A request's tools, by who serves them.

    Attributes:
        tools: Those that this server or the caller serves; ``None`` stands in the place of others.
        choice: What the request says of the choice between them.
        hosted: Those that the upstream is handed as they are.
        hosted_choice: What the upstream is told of the choice at first, where that means its own tools.
    """

    tools: Sequence[Json | None]
    choice: Any
    hosted: Sequence[Json] = ()
    hosted_choice: Any = None


def is_hosted(kind: ToolKind | None, rail: Rail) -> bool:
    """Whether tools of a kind, or of none that there is, are the upstream's."""
    return kind is None or not kind.installed(rail)


def divided(tools: Sequence[Json], choice: Any, kinds: Collection[ToolKind], rail: Rail) -> Divided:
    """See who serves which tool, and whom the choice means.

    Raises:
        UnsupportedFeature: A tool of the upstream's names something that is kept there, which may be another caller's:
            the upstream knows one key for all of them. ``param`` is ``tools.N``.
    """
    by_type = {name: kind for kind in kinds for name in kind.tool_types}
    ours: list[Json | None] = []
    hosted: list[Json] = []
    for index, tool in enumerate(tools):
        if tool["type"] in _OURS or not is_hosted(by_type.get(tool["type"]), rail):
            ours.append(tool)
            continue
        if names_something(tool):
            raise UnsupportedFeature(
                f"A tool '{tool['type']}' that the model's server runs must not name containers or files.",
                param=f"tools.{index}",
            )
        ours.append(None)
        hosted.append(tool)
    return _chosen(ours, hosted, choice)


def _chosen(ours: Sequence[Json | None], hosted: Sequence[Json], choice: Any) -> Divided:
    if not hosted or choice == "auto":
        return Divided(tools=ours, choice=choice, hosted=hosted)
    if choice == "none":
        return Divided(tools=ours, choice=choice, hosted=())
    if choice == "required":
        return Divided(tools=ours, choice="auto", hosted=hosted, hosted_choice=choice)
    types = {tool["type"] for tool in hosted}
    if choice["type"] != "allowed_tools":
        if choice["type"] not in types:
            return Divided(tools=ours, choice=choice, hosted=())
        meant = [tool for tool in hosted if tool["type"] == choice["type"]]
        return Divided(tools=ours, choice="none", hosted=meant, hosted_choice=choice)
    allowed = {entry.get("type") for entry in choice["tools"]}
    rest = [entry for entry in choice["tools"] if entry.get("type") not in types]
    meant = [tool for tool in hosted if tool["type"] in allowed]
    if not meant:
        return Divided(tools=ours, choice=choice, hosted=())
    required = choice["mode"] == "required"
    return Divided(
        tools=ours,
        choice={**choice, "mode": "auto", "tools": rest} if rest else "none",
        hosted=meant if choice["mode"] != "none" else (),
        hosted_choice="required" if required else None,
    )


def names_something(value: Any, name: str = "") -> bool:
    """Whether JSON names a container or a file."""
    if name in _TIES:
        return False
    if name.endswith(("_id", "_ids")) or (name == "container" and isinstance(value, str)):
        return bool(value)
    if isinstance(value, dict):
        return any(names_something(inner, key) for key, inner in value.items())
    return isinstance(value, list) and any(names_something(inner) for inner in value)
