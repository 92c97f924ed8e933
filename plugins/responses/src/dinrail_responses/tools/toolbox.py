"""The tools of one request: what the model is offered, and who runs what it calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from dinrail_core.errors import InvalidRequest, NothingServes, UnsupportedFeature
from dinrail_responses.tools.interface import Desk, Exchange, Json, ModelCall, Offer, Pen, Told, ToolKind, ToolSet
from dinrail_responses.tools.naming import free_name, model_name

__all__ = ["Toolbox", "open_toolbox"]

Wish = Literal["none", "auto", "required"]

_WEB_SEARCH = frozenset(
    {"web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11"},
)
"""Some clients send it with every request, whether or not there is one."""


@dataclass(frozen=True, slots=True)
class _Offered:
    offer: Offer
    tools: ToolSet
    wished: str


class Toolbox:
    """The opened tools of a request.

    Args:
        sets: The sets of tools, each with its kind.
        tool_choice: What the caller says about the choice.
        left_out: Types of tools that the request has, and that nothing serves.
    """

    def __init__(
        self, sets: Sequence[tuple[ToolKind, ToolSet]], tool_choice: Any, left_out: Collection[str] = ()
    ) -> None:
        self._sets = sets
        self._choice = tool_choice
        self._left_out = left_out
        self._offered: dict[str, _Offered] = {}
        self._wish: Wish = "auto"
        self._named: str | None = None

    @property
    def offers(self) -> Mapping[str, Offer]:
        """What the model may call, by the names that it knows."""
        return {name: offered.offer for name, offered in self._offered.items()}

    @property
    def wish(self) -> Wish:
        """Whether the model is to call."""
        return self._wish

    @property
    def named(self) -> str | None:
        """The one tool that it is to call."""
        return self._named

    async def lead(self, *, again: bool = False) -> list[Exchange]:
        """See :meth:`ToolSet.lead`."""
        found: list[Exchange] = []
        for _, tools in self._sets:
            found += await tools.lead(again=again)
        return found

    def arrange(self) -> None:
        """Gather what is offered, and hold to what the caller chose; after :meth:`lead`.

        Raises:
            RequestError: The choice names a tool that there is not, or none that can be used.
        """
        everything: dict[str, _Offered] = {}
        for _, tools in self._sets:
            for offer in tools.offers():
                namespace = offer.caller_runs.namespace if offer.caller_runs is not None else None
                name = free_name(model_name(offer.name, namespace), everything)
                everything[name] = _Offered(replace(offer, name=name), tools, offer.name)
        self._offered = everything
        choice = self._choice
        if choice in ("none", "auto", "required"):
            self._wish = choice
        elif choice["type"] == "allowed_tools":
            self._wish = choice["mode"]
            allowed = {name for entry in choice["tools"] for name in self._meant(entry)}
            self._offered = {name: offered for name, offered in everything.items() if name in allowed}
        else:
            meant = self._meant(choice)
            self._offered = {name: offered for name, offered in everything.items() if name in meant}
            self._wish = "required"
            self._named = meant[0] if len(meant) == 1 else None
        if self._wish == "none":
            self._offered = {}
        elif self._wish == "required" and not self._offered:
            unserved = f" that serves {', '.join(sorted(self._left_out))}" if self._left_out else ""
            raise InvalidRequest(f"The choice requires a tool, and there is none{unserved}.", param="tool_choice")

    def relax(self) -> None:
        """The model has called what it had to: from now on it chooses."""
        if self._wish == "required":
            self._wish, self._named = "auto", None

    def put_away(self) -> None:
        """No more calls of tools that the server runs."""
        self._offered = {n: offered for n, offered in self._offered.items() if offered.offer.caller_runs is not None}
        self.relax()

    def knows(self, name: str) -> bool:
        """Whether the model was offered a tool of this name that the server runs."""
        offered = self._offered.get(name)
        return offered is not None and offered.offer.caller_runs is None

    def parallel(self, call: ModelCall) -> bool:
        """See :meth:`ToolSet.parallel`."""
        offered = self._offered[call.name]
        return offered.tools.parallel(replace(call, name=offered.wished))

    async def run(self, call: ModelCall, pen: Pen) -> Told | None:
        """See :meth:`ToolSet.run`; the call has the name that the model knows."""
        offered = self._offered[call.name]
        return await offered.tools.run(replace(call, name=offered.wished), pen)

    def _meant(self, entry: Json) -> list[str]:
        for kind, tools in self._sets:
            if entry.get("type") in kind.tool_types:
                wished = set(tools.chosen(entry))
                found = [
                    n for n, offered in self._offered.items() if offered.tools is tools and offered.wished in wished
                ]
                if found:
                    return found
        if entry.get("type") in self._left_out:
            return []
        raise InvalidRequest("The choice names a tool that the request does not have.", param="tool_choice")


@asynccontextmanager
async def open_toolbox(
    tools: Sequence[Json | None], tool_choice: Any, kinds: Collection[ToolKind], desk: Desk
) -> AsyncIterator[Toolbox]:
    """Open the tools of a request.

    Args:
        tools: The tools, as the request says them; ``None`` in the place of one that somebody else serves.
        tool_choice: The choice, as JSON.
        kinds: The kinds that there are.
        desk: What they work with.

    Raises:
        InvalidRequest: A tool cannot be used; ``param`` is below ``tools``.
        NotFound: A tool names something that is not there.
        NothingServes: Nothing that is installed serves a tool.
    """
    by_type = {name: kind for kind in kinds for name in kind.tool_types}
    given: dict[ToolKind, dict[int, Json]] = {}
    left_out: set[str] = set()
    for index, tool in enumerate(tools):
        if tool is None:
            continue
        kind = by_type.get(tool["type"])
        if kind is None:
            if tool["type"] in _WEB_SEARCH:
                left_out.add(tool["type"])
                continue
            raise UnsupportedFeature(
                f"Tools of the type '{tool['type']}' are not served for this model.", param=f"tools.{index}.type"
            )
        if not kind.installed(desk.rail):
            if kind.optional:
                left_out.add(tool["type"])
                continue
            raise NothingServes(f"Nothing is installed that serves the tool '{tool['type']}'.", param=f"tools.{index}")
        given.setdefault(kind, {})[index] = tool
    async with AsyncExitStack() as stack:
        sets = [(kind, await stack.enter_async_context(kind.open(its, desk))) for kind, its in given.items()]
        yield Toolbox(sets, tool_choice, left_out)
