"""Listening to the items of an upstream that speaks the Responses API: each is written anew, in this server's words.

What the upstream leaves out of its events (deltas, parts, whole streams where a value was asked for) is made up for
from the whole item that ends them, so the same item has the same events whoever put it out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from dinrail_responses.native_input import marked, thought
from dinrail_responses.odds import odds_of
from dinrail_responses.scribe import Scribe
from dinrail_responses.tools.functions import custom_input
from dinrail_responses.tools.interface import Json
from dinrail_responses.writers import CallWriter, MessageWriter, NewId, ReasoningWriter

__all__ = ["CallListener", "HostedListener", "Listener", "MessageListener", "OpenThoughtListener", "ThoughtListener"]

_ARGUMENTS = frozenset({"response.function_call_arguments.delta", "response.custom_tool_call_input.delta"})
_OF_THE_STREAM = frozenset({"type", "sequence_number", "item_id", "output_index", "obfuscation"})


class Listener(ABC):
    """Hears one item."""

    @abstractmethod
    def hear(self, kind: str, event: Json) -> None:
        """An event about the item, between its beginning and its end."""

    @abstractmethod
    def done(self, item: Json) -> None:
        """The item is whole."""

    @abstractmethod
    def abort(self) -> None:
        """Nothing follows."""


class MessageListener(Listener):
    """Hears a message.

    Args:
        writer: Writes it.
        logprobs: Log-probabilities were asked for.
    """

    def __init__(self, writer: MessageWriter, *, logprobs: bool) -> None:
        self._writer = writer
        self._logprobs = logprobs
        self._parts = 0
        self._said = ""
        self._annotated = 0

    def hear(self, kind: str, event: Json) -> None:
        if kind == "response.output_text.delta":
            self._text(event["delta"], event.get("logprobs"))
        elif kind == "response.refusal.delta":
            self._writer.refuse(event["delta"])
            self._said += event["delta"]
        elif kind == "response.output_text.annotation.added":
            self._annotate(event["annotation"])
        elif kind == "response.content_part.done":
            self._end(event["part"])

    def done(self, item: Json) -> None:
        for part in item["content"][self._parts :]:
            self._end(part)
        self._writer.close(item.get("status") or "completed")

    def abort(self) -> None:
        self._writer.close("incomplete")

    def _text(self, piece: str, odds: list[Json] | None) -> None:
        told = [odds_of(token) for token in odds or ()] if self._logprobs else []
        if piece or told:
            self._writer.text(piece, told)
            self._said += piece

    def _annotate(self, annotation: Json) -> None:
        self._writer.annotate(annotation)
        self._annotated += 1

    def _end(self, part: Json) -> None:
        """A part is whole: what was not said of it is said now."""
        if part["type"] == "refusal":
            rest = part["refusal"].removeprefix(self._said)
            if rest and len(rest) + len(self._said) == len(part["refusal"]):
                self._writer.refuse(rest)
        else:
            rest = part["text"].removeprefix(self._said)
            if len(rest) + len(self._said) == len(part["text"]):
                self._text(rest, None if self._said else part.get("logprobs"))
            for annotation in (part.get("annotations") or ())[self._annotated :]:
                self._annotate(annotation)
        self._writer.end_part()
        self._parts, self._said, self._annotated = self._parts + 1, "", 0


class ThoughtListener(Listener):
    """Hears what the model thinks; the item begins when it is known whether that is thoughts or a summary of them.

    Args:
        scribe: Where it is written.
        item: The item as it begins.
        item_id: Its id.
        sealed_by: Who encrypts them, where encrypted content was asked for.
    """

    def __init__(self, scribe: Scribe, item: Json, item_id: str, *, sealed_by: str | None) -> None:
        self._pen = scribe.pen()
        known = ("type", "id", "status", "summary", "content", "encrypted_content")
        more = {name: value for name, value in item.items() if name not in known}
        self._item: Json = {"type": "reasoning", "id": item_id, "summary": [], "status": "in_progress", **more}
        self._sealed_by = sealed_by
        self._begun = False
        self._open: tuple[str, list[str]] | None = None
        self._index = 0

    def hear(self, kind: str, event: Json) -> None:
        if kind == "response.reasoning_summary_text.delta":
            self._think("summary", event["summary_index"], event["delta"])
        elif kind in ("response.reasoning_text.delta", "response.reasoning.delta"):
            self._think("content", event.get("content_index") or 0, event["delta"])

    def done(self, item: Json) -> None:
        whole: dict[str, list[Json]] = {name: item.get(name) or [] for name in ("summary", "content")}
        for name, parts in whole.items():
            for index, part in enumerate(parts):
                here = self._open is not None and (self._open[0], self._index) == (name, index)
                if not here and index >= len(self._item.get(name, ())):
                    self._think(name, index, part["text"])
        self._end()
        self._begin(None)
        self._item["status"] = item.get("status") or "completed"
        if self._sealed_by is not None and item.get("encrypted_content"):
            self._item["encrypted_content"] = marked(item, self._sealed_by)["encrypted_content"]
        self._pen.done(self._item)

    def abort(self) -> None:
        self._end()
        self._begin(None)
        self._pen.done({**self._item, "status": "incomplete"})

    def _begin(self, name: str | None) -> None:
        if self._begun:
            return
        self._begun = True
        if name == "content":
            self._item["content"] = []
        self._pen.added({key: [] if value == [] else value for key, value in self._item.items()})

    def _think(self, name: str, index: int, piece: str) -> None:
        if self._open is None or (self._open[0], self._index) != (name, index):
            self._end()
            self._begin(name)
            self._open, self._index = (name, []), len(self._item.setdefault(name, []))
            self._tell("part.added", part=self._part(""))
        assert self._open is not None
        self._open[1].append(piece)
        self._tell("text.delta", delta=piece)

    def _end(self) -> None:
        if self._open is None:
            return
        name, pieces = self._open
        part = self._part("".join(pieces))
        self._tell("text.done", text=part["text"])
        self._tell("part.done", part=part)
        self._item[name].append(part)
        self._open = None

    def _part(self, text: str) -> Json:
        assert self._open is not None
        return {"type": "summary_text" if self._open[0] == "summary" else "reasoning_text", "text": text}

    def _tell(self, what: str, **fields: Any) -> None:
        assert self._open is not None
        if self._open[0] == "summary":
            self._pen.event(f"response.reasoning_summary_{what}", summary_index=self._index, **fields)
        else:
            kind = f"response.content_{what}" if what.startswith("part") else f"response.reasoning_{what}"
            self._pen.event(kind, content_index=self._index, **fields)


class OpenThoughtListener(Listener):
    """Hears what the model of a plain server thinks, and writes it as that of a chat is written.

    Args:
        begin: Begins the item, once there are thoughts.
    """

    def __init__(self, begin: Callable[[], ReasoningWriter]) -> None:
        self._begin = begin
        self._writer: ReasoningWriter | None = None
        self._said = ""

    def hear(self, kind: str, event: Json) -> None:
        if kind in ("response.reasoning_text.delta", "response.reasoning_summary_text.delta"):
            self._think(event["delta"])

    def done(self, item: Json) -> None:
        whole = thought(item)
        if whole.startswith(self._said):
            self._think(whole[len(self._said) :])
        self._close(item.get("status") or "completed")

    def abort(self) -> None:
        self._close("incomplete")

    def _think(self, piece: str) -> None:
        if piece:
            self._writer = self._writer or self._begin()
            self._writer.think(piece)
            self._said += piece

    def _close(self, status: str) -> None:
        if self._writer is not None:
            self._writer.close(status)


class CallListener(Listener):
    """Hears a call that the caller runs.

    Args:
        writer: Writes it.
        field: Where the upstream's item has what it is called with.
        wrapped: The upstream calls a function where a custom tool was meant.
    """

    def __init__(self, writer: CallWriter, field: str, *, wrapped: bool) -> None:
        self._writer = writer
        self._field = field
        self._wrapped = wrapped
        self._pieces: list[str] = []

    def hear(self, kind: str, event: Json) -> None:
        if not self._wrapped and kind in _ARGUMENTS:
            self._piece(event["delta"])

    def done(self, item: Json) -> None:
        whole, said = item[self._field], "".join(self._pieces)
        if self._wrapped:
            whole = custom_input(whole)
        if whole.startswith(said) and len(whole) > len(said):
            self._piece(whole[len(said) :])
        self._writer.close(whole, item.get("status") or "completed")

    def abort(self) -> None:
        self._writer.close("".join(self._pieces), "incomplete")

    def _piece(self, piece: str) -> None:
        self._pieces.append(piece)
        self._writer.piece(piece)


class HostedListener(Listener):
    """Hears an item of the upstream's own, and hands on what is said of it.

    Args:
        scribe: Where it is written.
        item: The item as it begins.
        new_id: Makes its id, where it has none.
        sealed_by: Who encrypts it, where it is encrypted.
    """

    def __init__(self, scribe: Scribe, item: Json, new_id: NewId, *, sealed_by: str | None = None) -> None:
        self._pen = scribe.pen()
        self._id = item.get("id") or new_id(item["type"])
        self._sealed_by = sealed_by
        self._item = self._ours(item)
        self._pen.added(self._item)

    def hear(self, kind: str, event: Json) -> None:
        self._pen.event(kind, **{name: value for name, value in event.items() if name not in _OF_THE_STREAM})

    def done(self, item: Json) -> None:
        self._pen.done(self._ours(item))

    def abort(self) -> None:
        more = {"status": "incomplete"} if "status" in self._item else {}
        self._pen.done({**self._item, **more})

    def _ours(self, item: Json) -> Json:
        found = {**item, "id": self._id}
        return found if self._sealed_by is None else marked(found, self._sealed_by)
