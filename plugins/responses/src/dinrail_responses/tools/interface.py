"""What a kind of tool is to the loop.

The life of one response, as a kind sees it::

    async with kind.open(tools, desk) as tool_set:      # the request's tools of this kind, checked
        await tool_set.lead()                           # leading items, calls that were approved meanwhile
        offers = tool_set.offers()                      # what the model is offered, asked before each model step
        told = await tool_set.run(call, pen)            # each call of the model, several at once

Items are JSON objects as they stand on the wire. Whoever runs a call writes its item with a :class:`Pen`: ``added``,
then events while it runs, then ``done`` with the whole item. What the model is told is the return value, and is data to
the model, never instructions of ours.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from dinrail_core.api.call import Call
from dinrail_core.hooks.context import Rail

__all__ = ["CallerRuns", "Desk", "Exchange", "Json", "ModelCall", "Offer", "Pen", "Told", "ToolKind", "ToolSet"]

Json: TypeAlias = dict[str, Any]
"""A JSON object."""

Told: TypeAlias = str | list[Json]
"""What the model is told of a call: text, or parts (``input_text``, ``input_image``, ``input_file``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerRuns:
    """A call that is the caller's to run: the item is written while the model speaks, and the response ends with it.

    Attributes:
        item: The item's type.
        name: The tool's name in the item.
        namespace: The namespace that it stands in.
    """

    item: Literal["function_call", "custom_tool_call"]
    name: str
    namespace: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A function that the model is offered.

    Attributes:
        name: Its name; where another kind has taken it, the model is offered another, and the call says this one.
        description: What the model reads.
        parameters: JSON schema of the arguments, ``$ref`` resolved by the kind where it comes from outside.
        strict: Whether the arguments must follow it to the letter.
        caller_runs: Set where the caller runs it, not the server.
    """

    name: str
    description: str | None
    parameters: Json
    strict: bool | None = None
    caller_runs: CallerRuns | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """A call that the model made.

    Attributes:
        id: Ties the model's call to what it is told of it.
        name: The offer's name.
        arguments: JSON text as the model wrote it, which need not be valid: a fault in it is told to the model.
        key: The same whenever this call is tried again, as after a crash: an idempotency key for effects outside.
    """

    id: str
    name: str
    arguments: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A call, and what the model is, or was, told of it."""

    call: ModelCall
    told: Told


class Pen(ABC):
    """Writes one item of the output into the stream. All of it is synchronous, so events of two pens never mingle."""

    @abstractmethod
    def added(self, item: Json) -> None:
        """The item begins: ``response.output_item.added``. It has its ``id`` and is ``in_progress`` where it can be."""

    @abstractmethod
    def event(self, kind: str, **fields: Any) -> None:
        """An event about the item, like ``response.mcp_call.in_progress``; the stream fills in where it belongs."""

    @abstractmethod
    def done(self, item: Json) -> None:
        """The item is complete: ``response.output_item.done``. It is this that is kept and that the response holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a kind works with while one response is made.

    Attributes:
        call: On whose behalf; never kept beyond the response.
        rail: Where providers and services are found; it shows what the caller may use.
        history: The items before the response, the oldest first, its own input at the end.
        include: What the caller asked to be told beyond the usual; what is left out for others is kept all the same.
        new_id: Makes the id of an item, given the item's type.
        pen: Takes up a new pen, for leading items; a call is handed its own.
        cite: ``cite(annotation)`` returns a mark such as ``【1】``. Put it beside a passage that is told to the model:
            where the model repeats it, the mark is taken out of its text and becomes this annotation, with its place
            filled in (``index``, or ``start_index`` and ``end_index``).
    """

    call: Call
    rail: Rail
    history: Sequence[Json]
    include: Collection[str]
    new_id: Callable[[str], str]
    pen: Callable[[], Pen]
    cite: Callable[[Json], str]


class ToolSet(ABC):
    """The tools of one kind in one request, opened for as long as the response is made."""

    @abstractmethod
    def offers(self) -> Sequence[Offer]:
        """What the model is offered."""

    async def lead(self, *, again: bool = False) -> Sequence[Exchange]:
        """Write items that come before the model is asked: lists of tools, calls that have been approved meanwhile.

        Args:
            again: The response goes on after a kill. What this writes stands there already, and what it returned is
                known: nothing is written and nothing is run, and all that is to be done is to be ready for offers.

        Returns:
            What the model is to be told of calls that ran.
        """
        return ()

    @abstractmethod
    async def run(self, call: ModelCall, pen: Pen) -> Told | None:
        """Run a call of the model's, and write its item.

        What goes wrong with the tool is told to the model, and stands in the item; nothing is raised for it. How long
        it may take, and how much it may return, is bounded here; the loop cuts off what the model is told besides.

        Returns:
            What the model is told; ``None`` where the caller has to say something first (an approval was asked for):
            the response ends after this step.
        """

    def parallel(self, call: ModelCall) -> bool:
        """Whether it may run beside others."""
        return True

    def chosen(self, choice: Json) -> Collection[str]:
        """The names of the offers that a ``tool_choice`` means, such as ``{"type": "file_search"}``.

        Called with choices, and entries of ``allowed_tools``, whose ``type`` is one of the kind's.

        Raises:
            RequestError: It means one that cannot be used here; ``param`` says where the request has it.
        """
        name = choice.get("name")
        return [offer.name for offer in self.offers() if name is None or offer.name == name]


class ToolKind(ABC):
    """One kind of tool; there is one for the whole server, without state."""

    tool_types: ClassVar[frozenset[str]]
    """The ``type`` of the tools that it takes."""

    item_types: ClassVar[frozenset[str]] = frozenset()
    """The ``type`` of items that :meth:`replayed` knows."""

    optional: ClassVar[bool] = False
    """Whether a request goes on without such a tool where :meth:`installed` says that nothing serves it."""

    def installed(self, rail: Rail) -> bool:
        """Whether something on the rail serves it; opens nothing."""
        return True

    @abstractmethod
    def open(self, tools: Mapping[int, Json], desk: Desk) -> AbstractAsyncContextManager[ToolSet]:
        """Open the request's tools of this kind.

        Args:
            tools: The tools by their places in the request's ``tools``, as the request says them. Secrets in them
                (``authorization``, ``headers``) are used, and never kept, logged or told.
            desk: What there is to work with.

        Entering it raises:
            InvalidRequest: A tool is not usable; ``param`` is like ``tools.2.server_url``.
            NotFound: It names something of somebody else, or that is not there.
        """

    def replayed(self, item: Json, items: Mapping[str, Json]) -> Exchange | None:
        """A call of an earlier response as a chat tells it; ``None`` where the item says nothing to a model.

        Args:
            item: An item of one of :attr:`item_types`.
            items: All items of the history by their ids.
        """
        return None
