"""Writing the items that a model speaks: opened with the first piece, closed with all that the pieces add up to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dinrail_responses.citations import Citations, Filter
from dinrail_responses.scribe import Scribe
from dinrail_responses.tools.interface import CallerRuns, Json

__all__ = ["CallWriter", "MessageWriter", "NewId", "ReasoningWriter"]

NewId = Callable[[str], str]
"""Makes the id of an item, given its type."""


class MessageWriter:
    """A message: parts of text and of refusal, one after the other.

    Args:
        scribe: Where it is written.
        new_id: Makes its id.
        citations: Marks to be taken out of its text.
        more: Further fields of it.
    """

    def __init__(self, scribe: Scribe, new_id: NewId, citations: Citations, more: Json | None = None) -> None:
        self._pen = scribe.pen()
        self._item: Json = {
            "type": "message",
            "id": new_id("message"),
            "status": "in_progress",
            "role": "assistant",
            "content": [],
            **(more or {}),
        }
        self._pen.added({**self._item, "content": []})
        self._filter = Filter(citations) if citations else None
        self._pieces: list[str] = []
        self._kind: str | None = None
        self._logprobs: list[Json] = []
        self._annotations: list[Json] = []

    def text(self, piece: str, logprobs: list[Json]) -> None:
        """A piece of text."""
        self._part("output_text")
        self._logprobs += logprobs
        if self._filter is None:
            self._text(piece, logprobs)
            return
        for found in self._filter.feed(piece):
            self._filtered(found)

    def annotate(self, annotation: Json) -> None:
        """Say what a part of the text rests on."""
        self._part("output_text")
        self._annotation(annotation)

    def refuse(self, piece: str) -> None:
        """A piece of a refusal."""
        self._part("refusal")
        self._pieces.append(piece)
        self._pen.event("response.refusal.delta", content_index=self._index, delta=piece)

    def end_part(self) -> None:
        """What follows is another part, of whatever kind."""
        if self._kind is not None:
            self._close_part()

    def close(self, status: str) -> Json:
        """The message is whole."""
        if self._kind is None and not self._item["content"]:
            self._part("output_text")
        self.end_part()
        self._item = {**self._item, "status": status}
        self._pen.done(self._item)
        return self._item

    @property
    def _index(self) -> int:
        return len(self._item["content"])

    def _text(self, piece: str, logprobs: list[Json]) -> None:
        self._pieces.append(piece)
        self._pen.event("response.output_text.delta", content_index=self._index, delta=piece, logprobs=logprobs)

    def _filtered(self, found: str | Json) -> None:
        if isinstance(found, str):
            self._text(found, [])
        else:
            self._annotation(found)

    def _annotation(self, annotation: Json) -> None:
        number = len(self._annotations)
        self._annotations.append(annotation)
        self._pen.event(
            "response.output_text.annotation.added",
            content_index=self._index,
            annotation_index=number,
            annotation=annotation,
        )

    def _part(self, kind: str) -> None:
        if kind == self._kind:
            return
        if self._kind is not None:
            self._close_part()
        self._kind = kind
        self._pen.event("response.content_part.added", content_index=self._index, part=_empty(kind))

    def _close_part(self) -> None:
        index, kind = self._index, self._kind
        if kind == "refusal":
            whole = "".join(self._pieces)
            part: Json = {"type": "refusal", "refusal": whole}
            self._pen.event("response.refusal.done", content_index=index, refusal=whole)
        else:
            if self._filter is not None:
                for found in self._filter.feed("", last=True):
                    self._filtered(found)
            whole = "".join(self._pieces)
            part = {"type": "output_text", "text": whole, "annotations": self._annotations, "logprobs": self._logprobs}
            self._pen.event("response.output_text.done", content_index=index, text=whole, logprobs=self._logprobs)
        self._pen.event("response.content_part.done", content_index=index, part=part)
        self._item["content"].append(part)
        self._kind, self._pieces, self._logprobs, self._annotations = None, [], [], []


class ReasoningWriter:
    """What the model thinks: as it thinks it, or, where a summary is asked for, as the summary.

    Args:
        scribe: Where it is written.
        new_id: Makes its id.
        summary: A summary was asked for.
        seal: Makes the encrypted content, where that was asked for.
    """

    def __init__(self, scribe: Scribe, new_id: NewId, *, summary: bool, seal: Callable[[str], str] | None) -> None:
        self._pen = scribe.pen()
        self._item: Json = {"type": "reasoning", "id": new_id("reasoning"), "summary": [], "status": "in_progress"}
        if not summary:
            self._item["content"] = []
        self._summary = summary
        self._seal = seal
        self._pieces: list[str] = []
        self._pen.added({**self._item, "summary": []})
        self._said("part.added", part={**self._part, "text": ""})

    def think(self, piece: str) -> None:
        """A piece of thought."""
        self._pieces.append(piece)
        self._said("text.delta", delta=piece)

    @property
    def text(self) -> str:
        """All that was thought so far."""
        return "".join(self._pieces)

    def close(self, status: str, load: str | None = None) -> Json:
        """The thought is whole.

        Args:
            status: How it ended.
            load: What it carries, sealed, the text included.
        """
        whole = self.text
        part = {**self._part, "text": whole}
        self._said("text.done", text=whole)
        self._said("part.done", part=part)
        self._item = {**self._item, "status": status, "summary" if self._summary else "content": [part]}
        if load is not None:
            self._item["encrypted_content"] = load
        elif self._seal is not None:
            self._item["encrypted_content"] = self._seal(whole)
        self._pen.done(self._item)
        return self._item

    @property
    def _part(self) -> Json:
        return {"type": "summary_text" if self._summary else "reasoning_text"}

    def _said(self, what: str, **fields: Any) -> None:
        if self._summary:
            self._pen.event(f"response.reasoning_summary_{what}", summary_index=0, **fields)
        else:
            kind = f"response.content_{what}" if what.startswith("part") else f"response.reasoning_{what}"
            self._pen.event(kind, content_index=0, **fields)


class CallWriter:
    """A call that the caller runs.

    Args:
        scribe: Where it is written.
        new_id: Makes its id.
        runs: The item that it becomes.
        call_id: Ties the output to the call.
    """

    def __init__(self, scribe: Scribe, new_id: NewId, runs: CallerRuns, call_id: str) -> None:
        self._pen = scribe.pen()
        self._runs = runs
        self._item: Json = {
            "type": runs.item,
            "id": new_id(runs.item),
            "status": "in_progress",
            "call_id": call_id,
            "name": runs.name,
            **({"namespace": runs.namespace} if runs.namespace is not None else {}),
            self._field: "",
        }
        self._pen.added(self._item)

    @property
    def _field(self) -> str:
        return "input" if self._runs.item == "custom_tool_call" else "arguments"

    def piece(self, piece: str) -> None:
        """A piece of the arguments, or of the input."""
        kind = "custom_tool_call_input" if self._field == "input" else "function_call_arguments"
        self._pen.event(f"response.{kind}.delta", delta=piece)

    def close(self, whole: str, status: str) -> Json:
        """The call is whole."""
        if self._field == "input":
            self._pen.event("response.custom_tool_call_input.done", input=whole)
        else:
            self._pen.event("response.function_call_arguments.done", name=self._runs.name, arguments=whole)
        self._item = {**self._item, self._field: whole, "status": status}
        self._pen.done(self._item)
        return self._item


def _empty(kind: str) -> Json:
    """A part that begins."""
    if kind == "refusal":
        return {"type": "refusal", "refusal": ""}
    return {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
