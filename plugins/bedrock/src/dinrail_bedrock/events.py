"""Bedrock's streams, event by event, as chunks of a chat. Pure but for what it remembers of the message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dinrail_bedrock.answers import detail_of, end_of, is_call, is_plain, notes_of, text_of, tier_of, usage_of
from dinrail_bedrock.blocks import GrowingBlock
from dinrail_bedrock.messages import FORM
from dinrail_sdk.translation import Chunks, native
from dinrail_sdk.upstream import ReportedError

__all__ = ["ConverseReducer"]

_STATUSES = {
    "validationException": "400",
    "modelTimeoutException": "408",
    "modelStreamErrorException": "424",
    "throttlingException": "429",
    "internalServerException": "500",
    "serviceUnavailableException": "503",
}
_KNOWN = frozenset({"contentBlockIndex", "delta", "p", "role", "start", "stopReason", "usage"})
"""Fields of events that are translated, and the padding by which AWS hides how long a piece is."""


class ConverseReducer:
    """One streamed answer; see :class:`~dinrail_sdk.translation.Reducer`.

    Each event is one key, its kind, and what belongs to it.

    Args:
        about: ``id``, ``created`` and ``model``, which the stream does not tell.
        usage: Whether the stream is to tell it.
    """

    def __init__(self, about: Mapping[str, Any], *, usage: bool) -> None:
        self.finished = False
        self.done = False
        self._wanted = usage
        self._chunks = Chunks(about["id"], about["model"], about["created"])
        self._begun = False
        self._open: dict[int, GrowingBlock] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._calls = 0
        self._length = 0

    def feed(self, event: dict[str, Any]) -> bytes:
        """See :meth:`~dinrail_sdk.translation.Reducer.feed`."""
        ((kind, data),) = event.items()
        if kind == "error" or kind.endswith("Exception"):
            raise ReportedError(_report(kind, data))
        if kind == "messageStart":
            self._begun = True
            return self._chunks.delta({"role": _role(data), "content": ""}, _unknown(data))
        if not self._begun:
            if kind.startswith(("content", "message")):
                raise ValueError("the message has not begun")
            return b""
        match kind:
            case "contentBlockDelta":
                return self._add(data["contentBlockIndex"], data["delta"], _unknown(data))
            case "contentBlockStart":
                return self._start(data["contentBlockIndex"], data["start"], _unknown(data))
            case "contentBlockStop":
                return self._close(data["contentBlockIndex"])
            case "messageStop":
                return self._stop(data)
            case "metadata":
                return self._end(data)
        return b""

    def _start(self, index: int, start: Mapping[str, Any], extra: Mapping[str, Any]) -> bytes:
        kind = next(iter(start), "text")
        # A text that is announced says nothing, so what it is shows with its first piece.
        if kind in ("text", "reasoningContent"):
            return b""
        about: Mapping[str, Any] = start[kind]
        if not is_call(start):
            self._open[index] = GrowingBlock(kind, about)
            return b""
        block = self._open[index] = GrowingBlock(kind, about, self._calls)
        self._calls += 1
        function = {"name": about["name"], "arguments": ""}
        call = {"index": block.call, "id": about["toolUseId"], "type": "function", "function": function}
        return self._chunks.delta({"tool_calls": [call]}, extra)

    def _add(self, index: int, delta: Mapping[str, Any], extra: Mapping[str, Any]) -> bytes:
        ((kind, piece),) = delta.items()
        block = self._open.get(index)
        if block is None:
            if kind == "toolUse" or type(index) is not int or index in self._blocks:
                raise ValueError("no such block has begun")
            block = self._open[index] = GrowingBlock("text" if kind == "citation" else kind, {})
        match kind:
            case "text" if block.kind == "text":
                text = block.text(piece)
                return self._chunks.delta({"content": text}, extra) if extra else self._chunks.text(text)
            case "citation" if block.kind == "text":
                block.cite(piece)
            case "toolUse" if block.kind == "toolUse":
                text = block.text(piece["input"])
                if text and block.call >= 0:
                    call = {"index": block.call, "function": {"arguments": text}}
                    return self._chunks.delta({"tool_calls": [call]}, extra)
            case "reasoningContent" if block.kind == kind:
                return self._think(block, piece, extra)
            case _ if block.kind == kind:
                block.grow(piece)
            case _:
                raise ValueError("a block has pieces of one kind")
        return b""

    def _think(self, block: GrowingBlock, piece: Mapping[str, Any], extra: Mapping[str, Any]) -> bytes:
        if piece.get("redactedContent") is not None:
            block.redact(piece["redactedContent"])
        if piece.get("signature") is not None:
            block.sign(piece["signature"])
        if not piece.get("text"):
            return b""
        return self._chunks.delta({"reasoning_content": block.text(piece["text"])}, extra)

    def _close(self, index: int) -> bytes:
        """A block is whole."""
        growing = self._open.pop(index, None)
        if growing is None:
            return b""
        block = self._blocks[index] = growing.whole()
        if "reasoningContent" in block:
            return self._chunks.delta({"reasoning_details": [detail_of(block["reasoningContent"], index)]})
        if growing.call >= 0 and not growing.has_text():
            return self._chunks.arguments(growing.call, "{}")
        text = text_of(block)
        notes = notes_of(block, self._length)
        self._length += len(text or "")
        return self._chunks.delta({"annotations": notes}) if notes else b""

    def _stop(self, data: Mapping[str, Any]) -> bytes:
        reason, choice = end_of(data)
        frames = b"".join([self._close(index) for index in sorted(self._open)])
        blocks = [block for _, block in sorted(self._blocks.items())]
        self.finished = True
        last = {} if is_plain(blocks) else {"native_content": native(blocks, FORM)}
        return frames + self._chunks.finish(reason, choice, last, _unknown(data))

    def _end(self, data: Mapping[str, Any]) -> bytes:
        if not self.finished:
            raise ValueError("the usage of a message comes after its end")
        self.done = True
        told = usage_of(data.get("usage")) if self._wanted else None
        extra = _unknown(data)
        if told is not None:
            return self._chunks.usage(told, extra | tier_of(data))
        # How long it took is told with the usage alone; what a guardrail found is told to everybody.
        return self._chunks.delta({}, {"trace": extra["trace"]}) if extra.get("trace") else b""


def _role(data: Mapping[str, Any]) -> str:
    role = data["role"]
    if role != "assistant":
        raise ValueError("it is the assistant who answers")
    return "assistant"


def _unknown(data: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of an event that nobody knows."""
    return {} if data.keys() <= _KNOWN else {key: value for key, value in data.items() if key not in _KNOWN}


def _report(kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """An exception of AWS's as an error whose code is its status."""
    named = str(data.get("code")) if kind == "error" else kind
    named = named[:1].lower() + named[1:]
    message = data.get("originalMessage") or data.get("message") or ""
    return {"error": {"code": _STATUSES.get(named, "500"), "type": named, "message": message}}
