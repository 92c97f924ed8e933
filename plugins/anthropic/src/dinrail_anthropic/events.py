"""Anthropic's streams, event by event, as chunks of a chat. Pure but for what it remembers of the message."""

from __future__ import annotations

from typing import Any

import orjson

from dinrail_anthropic.answers import KNOWN, annotation, call_fields, detail_of, end_of, is_plain, tier_of, usage_of
from dinrail_anthropic.messages import FORM
from dinrail_sdk.translation import Chunks, native
from dinrail_sdk.upstream import ReportedError

__all__ = ["MessageReducer"]


class MessageReducer:
    """One streamed message; see :class:`~dinrail_sdk.translation.Reducer`.

    Args:
        usage: Whether the stream is to tell it.
        created: Seconds since the epoch.
    """

    def __init__(self, *, usage: bool, created: int) -> None:
        self.finished = False
        self.done = False
        self._wanted = usage
        self._created = created
        self._chunks: Chunks | None = None
        self._usage: dict[str, Any] = {}
        self._blocks: list[dict[str, Any]] = []
        self._block: dict[str, Any] = {}
        self._grown: dict[str, list[str]] = {}
        self._calls = -1
        self._length = 0

    def feed(self, event: dict[str, Any]) -> bytes:
        """See :meth:`~dinrail_sdk.translation.Reducer.feed`."""
        kind = event["type"]
        if kind == "content_block_delta":
            return self._add(event["delta"], event)
        match kind:
            case "message_start":
                return self._start(event["message"], event)
            case "content_block_start":
                return self._open(event["content_block"])
            case "content_block_stop":
                return self._close()
            case "message_delta":
                return self._end(event)
            case "message_stop":
                self.done = True
            case "error":
                raise ReportedError(event)
        return b""

    @property
    def _to(self) -> Chunks:
        if self._chunks is None:
            raise ValueError("the message has not begun")
        return self._chunks

    def _start(self, message: dict[str, Any], event: dict[str, Any]) -> bytes:
        if not isinstance(message["content"], list) or self._chunks is not None:
            raise TypeError("a stream is one message")
        self._chunks = Chunks(message["id"], message["model"], self._created)
        self._usage = dict(message.get("usage") or {})
        extra = {key: value for key, value in message.items() if key not in KNOWN and value is not None}
        extra |= _unknown(event, "message") | tier_of(self._usage)
        return self._to.delta({"role": "assistant", "content": ""}, extra)

    def _open(self, block: dict[str, Any]) -> bytes:
        self._block = dict(block)
        self._grown = {}
        self._blocks.append(self._block)
        match block["type"]:
            case "tool_use":
                self._calls += 1
                return self._to.call(self._calls, block["id"], block["name"], **call_fields(block))
            case "text" if block["text"]:
                return self._to.text(block["text"])
        return b""

    def _add(self, delta: dict[str, Any], event: dict[str, Any]) -> bytes:
        extra = _unknown(event, "delta") if len(event) > 3 else None
        match delta["type"]:
            case "text_delta":
                self._grow("text", delta["text"])
                if extra is None:
                    return self._to.text(delta["text"])
                return self._to.delta({"content": delta["text"]}, extra)
            case "thinking_delta":
                self._grow("thinking", delta["thinking"])
                return self._to.delta({"reasoning_content": delta["thinking"]}, extra or {})
            case "input_json_delta":
                piece = self._grow("input", delta["partial_json"])
                if self._block["type"] != "tool_use" or not piece:
                    return b""
                call = {"index": self._calls, "function": {"arguments": piece}}
                return self._to.delta({"tool_calls": [call]}, extra or {})
            case "citations_delta":
                self._block["citations"] = [*(self._block.get("citations") or ()), delta["citation"]]
            case _:
                # A signature, or a kind that nobody knows yet: texts that grow the block's field of the same name.
                for name, piece in delta.items():
                    if name != "type" and isinstance(piece, str):
                        self._grow(name, piece)
        return b""

    def _grow(self, name: str, piece: str) -> str:
        if type(piece) is not str:
            raise TypeError("a piece is text")
        self._grown.setdefault(name, []).append(piece)
        return piece

    def _close(self) -> bytes:
        """The block is whole."""
        block, grown = self._block, self._grown
        for name, pieces in grown.items():
            whole = "".join(pieces)
            if name == "input":
                block["input"] = _read(whole)
            else:
                block[name] = (block.get(name) or "") + whole
        match block["type"]:
            case "thinking" | "redacted_thinking":
                return self._to.delta({"reasoning_details": [detail_of(block, len(self._blocks) - 1)]})
            case "tool_use" if not "".join(grown.get("input", ())):
                return self._to.arguments(self._calls, orjson.dumps(block.get("input") or {}).decode())
            case "text":
                start, self._length = self._length, self._length + len(block["text"])
                notes = [annotation(one, start, self._length) for one in block.get("citations") or ()]
                return self._to.delta({"annotations": notes}) if notes else b""
        return b""

    def _end(self, event: dict[str, Any]) -> bytes:
        delta = event["delta"]
        self._usage |= {key: value for key, value in (event.get("usage") or {}).items() if value is not None}
        if delta.get("stop_reason") is None:
            return b""
        self.finished = True
        reason, choice = end_of(delta)
        extra = _unknown(event, "delta") | {key: delta[key] for key in delta if key not in KNOWN and delta[key]}
        last = {} if is_plain(self._blocks) else {"native_content": native(self._blocks, FORM)}
        frames = self._to.finish(reason, choice, last, extra)
        told = usage_of(self._usage) if self._wanted else None
        return frames if told is None else frames + self._to.usage(told, extra)


_EVENT = frozenset({"type", "index", "usage"})


def _unknown(event: dict[str, Any], holds: str) -> dict[str, Any]:
    """Fields of an event that nobody knows."""
    return {key: value for key, value in event.items() if key not in _EVENT and key != holds}


def _read(text: str) -> Any:
    """A tool's input; one that the token limit has cut is not known."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
