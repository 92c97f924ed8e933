"""The stream of a response's events, and the response that they add up to: every number is given out here."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json, to_json

from dinrail_core.api.items.including import as_asked
from dinrail_responses.tools.interface import Json, Pen

__all__ = ["Held", "ItemPen", "Scribe", "frame", "padded", "told"]

_FILTERED = frozenset({"file_search_call", "web_search_call", "code_interpreter_call", "reasoning"})
"""Items that may hold more than every caller is told."""


def told(item: Json, include: Collection[str]) -> Json:
    """An item of the output without what the caller did not ask for."""
    if item["type"] not in _FILTERED:
        return item
    found: Json = from_json(as_asked(to_json(item).decode(), item["type"], include))
    return found


def frame(event: Json) -> bytes:
    """An event as it stands in a stream."""
    return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), to_json(event))


def padded(event: Json) -> Json:
    """An event with which, if it is a delta, its length tells nothing."""
    if not event["type"].endswith(".delta"):
        return event
    return {**event, "obfuscation": secrets.token_urlsafe(12)[: 16 - len(event["delta"]) % 16]}


@dataclass(slots=True)
class Held:
    """Where events began to be held back.

    Attributes:
        told: How many events are there to be told.
        number: The sequence number of the first that is held back.
        items: How many items there were.
    """

    told: int
    number: int
    items: int


class Scribe:
    """Writes one response down.

    Args:
        response: The response without its output, ``in_progress`` or ``queued``; all its keys are there.
        include: What the caller asked to be told.
        quiet: Nobody listens: no events are made.
        obfuscated: Deltas are padded, so that their lengths tell nothing.

    Attributes:
        response: The response without its output.
        output: Items, whole where they are done.
        open: Indexes of items that are not done.
        number: The sequence number of the next event.
        heard: Called whenever there is an event.
    """

    def __init__(
        self, response: Json, *, include: Collection[str] = (), quiet: bool = False, obfuscated: bool = False
    ) -> None:
        self.response = response
        self.output: list[Json] = []
        self.open: set[int] = set()
        self.number = 0
        self.heard: Callable[[], None] = _nothing
        self._include = include
        self._quiet = quiet
        self._obfuscated = obfuscated
        self._events: list[Json] = []
        self._held: Held | None = None

    def say(self, kind: str, **fields: Any) -> None:
        """Write an event."""
        if self._quiet:
            return
        event = {"type": kind, "sequence_number": self.number, **fields}
        if self._obfuscated:
            event = padded(event)
        self.number += 1
        self._events.append(event)
        self.heard()

    def take(self) -> list[Json]:
        """The events since the last time; none that are held back."""
        told = len(self._events) if self._held is None else self._held.told
        events, self._events = self._events[:told], self._events[told:]
        if self._held is not None:
            self._held.told = 0
        return events

    def hold(self) -> Held:
        """Hold back the events that follow."""
        self._held = Held(len(self._events), self.number, len(self.output))
        return self._held

    def release(self, held: Held | None, *, keep: bool) -> None:
        """Tell the events that were held back, or let them, and the items that they tell of, never have been."""
        self._held = None
        if held is not None and not keep:
            del self._events[held.told :]
            del self.output[held.items :]
            self.open -= set(range(held.items, max(self.open, default=-1) + 1))
            self.number = held.number

    def pen(self) -> ItemPen:
        """A pen for one item."""
        return ItemPen(self)

    def snapshot(self) -> Json:
        """The response as it stands."""
        return {**self.response, "output": [told(item, self._include) for item in self.output]}

    def begin(self) -> None:
        """Tell that the response is there, and that it is being made."""
        if self.response["status"] == "queued":
            self.say("response.created", response=self.snapshot())
            self.say("response.queued", response=self.snapshot())
            return
        self.say("response.created", response=self.snapshot())
        self.say("response.in_progress", response=self.snapshot())

    def end(self, status: str, *, reason: str | None = None, error: Json | None = None) -> None:
        """Set how the response ended; :meth:`close` tells it."""
        self.response["status"] = status
        if status == "completed":
            self.response["completed_at"] = int(time.time())
        if reason is not None:
            self.response["incomplete_details"] = {"reason": reason}
        if error is not None:
            self.response["error"] = error

    def close(self) -> None:
        """Tell how the response ended; nothing follows."""
        status = self.response["status"]
        if status == "cancelled":
            return  # the specifications have no event for it
        self.say(f"response.{status}", response=self.snapshot())

    def give_up(self, status: str) -> None:
        """Close what is still open, as after an error."""
        for index in sorted(self.open):
            item = dict(self.output[index])
            if "status" in item:
                item["status"] = status
            self.finish(index, item)

    def finish(self, index: int, item: Json) -> None:
        """An item is whole."""
        self.output[index] = item
        self.open.discard(index)
        self.say("response.output_item.done", output_index=index, item=told(item, self._include))

    def begin_item(self, item: Json) -> int:
        """An item begins, and gets its place."""
        index = len(self.output)
        self.output.append(item)
        self.open.add(index)
        self.say("response.output_item.added", output_index=index, item=told(item, self._include))
        return index

    def fold(self, events: Iterable[Json]) -> None:
        """Take up what another process has written: its events, in order, which are not told again."""
        for event in events:
            kind = event["type"]
            self.number = event["sequence_number"] + 1
            if kind == "response.output_item.added":
                self.output.append(event["item"])
                self.open.add(event["output_index"])
            elif kind == "response.output_item.done":
                self.output[event["output_index"]] = event["item"]
                self.open.discard(event["output_index"])
            else:
                _fold_delta(self.output, event)


class ItemPen(Pen):
    """A pen of a scribe's; the index of its item is given when it begins."""

    __slots__ = ("_id", "_index", "_scribe")

    def __init__(self, scribe: Scribe) -> None:
        self._scribe = scribe
        self._index = -1
        self._id = ""

    @property
    def used(self) -> bool:
        """Whether the item has begun."""
        return self._index >= 0

    def added(self, item: Json) -> None:
        self._id = item["id"]
        self._index = self._scribe.begin_item(item)

    def event(self, kind: str, **fields: Any) -> None:
        self._scribe.say(kind, item_id=self._id, output_index=self._index, **fields)

    def done(self, item: Json) -> None:
        self._scribe.finish(self._index, item)


def _fold_delta(output: list[Json], event: Json) -> None:
    """What the deltas of an item that was never done add up to."""
    kind = event["type"]
    if "output_index" not in event:
        return
    item = output[event["output_index"]]
    if kind in ("response.content_part.added", "response.reasoning_summary_part.added"):
        item.setdefault("content" if kind == "response.content_part.added" else "summary", []).append(event["part"])
    elif kind in ("response.output_text.delta", "response.reasoning_text.delta"):
        item["content"][event["content_index"]]["text"] += event["delta"]
    elif kind == "response.refusal.delta":
        item["content"][event["content_index"]]["refusal"] += event["delta"]
    elif kind == "response.reasoning_summary_text.delta":
        item["summary"][event["summary_index"]]["text"] += event["delta"]
    elif kind == "response.output_text.annotation.added":
        item["content"][event["content_index"]]["annotations"].append(event["annotation"])
    elif kind == "response.function_call_arguments.delta":
        item["arguments"] += event["delta"]
    elif kind == "response.custom_tool_call_input.delta":
        item["input"] += event["delta"]


def _nothing() -> None:
    return None
