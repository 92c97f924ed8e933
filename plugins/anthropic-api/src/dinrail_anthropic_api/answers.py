"""Answers of chats as messages of Anthropic's, whole and event by event. Pure but for what a writer remembers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from dinrail_anthropic_api.carried import FORM, block_of
from dinrail_core.errors import UpstreamInvalid

__all__ = ["MessageWriter", "event", "to_message"]

_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
_OWN = frozenset(
    {"end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded"}
)
_COUNTED = ("cache_creation", "server_tool_use", "service_tier", "inference_geo", "speed")
"""What Anthropic's own usage tells beside tokens."""
_TOLD = ("text", "thinking", "redacted_thinking", "tool_use")


def to_message(completion: Mapping[str, Any]) -> dict[str, Any]:
    """A chat completion as a message.

    Raises:
        UpstreamInvalid: It has no choice.
    """
    choices = completion["choices"]
    if not choices:
        raise UpstreamInvalid("The upstream's answer has no choice.")
    return {
        **_head(completion),
        "content": _blocks(choices[0]["message"]),
        **_end(choices[0]),
        "usage": _usage(completion.get("usage")),
    }


def _head(answer: Mapping[str, Any]) -> dict[str, Any]:
    own = str(answer["id"])
    return {
        "id": own if own.startswith("msg_") else f"msg_{own}",
        "type": "message",
        "role": "assistant",
        "model": answer["model"],
    }


def _blocks(message: Mapping[str, Any]) -> list[Any]:
    native = message.get("native_content")
    if isinstance(native, Mapping) and native.get("format") == FORM:
        return list(native["blocks"])
    blocks = [block_of(detail) for detail in message.get("reasoning_details") or ()]
    thought = message.get("reasoning_content") or message.get("reasoning")
    if thought and not any(block["type"] == "thinking" for block in blocks):
        blocks.insert(0, {"type": "thinking", "thinking": thought, "signature": ""})
    text = (message.get("content") or "") + (message.get("refusal") or "")
    cited = [citation for note in message.get("annotations") or () if (citation := _citation(note)) is not None]
    if text:
        blocks.append({"type": "text", "text": text, **({"citations": cited} if cited else {})})
    return blocks + [_use(call) for call in message.get("tool_calls") or () if call.get("type") == "function"]


def _use(call: Mapping[str, Any]) -> dict[str, Any]:
    try:
        given = orjson.loads(call["function"]["arguments"] or "{}")
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise UpstreamInvalid("The model called a tool with arguments that are no JSON object.")
    more = {key: value for key, value in call.items() if key not in ("id", "type", "function")}
    return {**more, "type": "tool_use", "id": call["id"], "name": call["function"]["name"], "input": given}


def _citation(note: Mapping[str, Any]) -> dict[str, Any] | None:
    if note.get("type") != "url_citation":
        return None
    page = note["url_citation"]
    return {
        "type": "web_search_result_location",
        "url": page["url"],
        "title": page.get("title"),
        "cited_text": page.get("cited_text", ""),
        "encrypted_index": page.get("encrypted_index", ""),
    }


def _end(choice: Mapping[str, Any]) -> dict[str, Any]:
    """Why it ended, with what Anthropic says of a refusal."""
    native, reason = choice.get("native_finish_reason"), choice["finish_reason"]
    word = native if native in _OWN else _REASONS.get(reason, reason)
    details = {"stop_details": choice["stop_details"]} if choice.get("stop_details") is not None else {}
    return {"stop_reason": word, "stop_sequence": choice.get("stop_sequence"), **details}


def _usage(usage: Mapping[str, Any] | None) -> dict[str, Any]:
    """Tokens, those of a cache beside the rest of the prompt; zeros where none were told: clients want numbers."""
    usage = usage or {}
    details = usage.get("prompt_tokens_details") or {}
    read, written = details.get("cached_tokens") or 0, details.get("cache_write_tokens") or 0
    found: dict[str, Any] = {
        "input_tokens": max(0, (usage.get("prompt_tokens") or 0) - read - written),
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "output_tokens": usage.get("completion_tokens") or 0,
    }
    found |= {name: usage[name] for name in _COUNTED if usage.get(name) is not None}
    thinking = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens")
    return found if thinking is None else {**found, "output_tokens_details": {"thinking_tokens": thinking}}


def event(data: Mapping[str, Any]) -> bytes:
    """One frame; its name is its type."""
    return b"event: %b\ndata: %b\n\n" % (data["type"].encode(), orjson.dumps(data))


class MessageWriter:
    """Writes the events of one message out of the chunks of a chat.

    Texts and thoughts are one block after the other. Calls stay open beside each other until the end, since their
    pieces may come interleaved; each event says which block it is about.
    """

    def __init__(self) -> None:
        self._begun = False
        self._next = 0
        self._open: tuple[str, int] | None = None
        self._calls: dict[int, int] = {}
        self._end: Mapping[str, Any] | None = None
        self._usage: Mapping[str, Any] | None = None

    def feed(self, chunk: Mapping[str, Any]) -> bytes:
        """The events that a chunk becomes."""
        frames = [] if self._begun else [self._begin(chunk)]
        if chunk.get("usage"):
            self._usage = chunk["usage"]
        for choice in chunk["choices"]:
            if choice.get("index", 0) == 0:
                frames += self._take(choice.get("delta") or {})
                if choice.get("finish_reason"):
                    self._end = _end(choice)
        return frames[0] if len(frames) == 1 else b"".join(frames)

    def finish(self) -> bytes:
        """The last events.

        Raises:
            UpstreamInvalid: Nothing has said why the answer ended.
        """
        if self._end is None:
            raise UpstreamInvalid("The upstream ended the stream before the answer was finished.")
        frames = self._close()
        frames += [event({"type": "content_block_stop", "index": index}) for index in self._calls.values()]
        frames.append(event({"type": "message_delta", "delta": self._end, "usage": _usage(self._usage)}))
        frames.append(event({"type": "message_stop"}))
        return b"".join(frames)

    def _begin(self, chunk: Mapping[str, Any]) -> bytes:
        self._begun = True
        empty: dict[str, Any] = {"content": [], "stop_reason": None, "stop_sequence": None, "usage": _usage(None)}
        return event({"type": "message_start", "message": {**_head(chunk), **empty}})

    def _take(self, delta: Mapping[str, Any]) -> list[bytes]:
        frames: list[bytes] = []
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if thought:
            frames += self._say("thinking", {"type": "thinking_delta", "thinking": thought})
        for detail in delta.get("reasoning_details") or ():
            frames += self._thought(block_of(detail))
        text = (delta.get("content") or "") + (delta.get("refusal") or "")
        if text:
            frames += self._say("text", {"type": "text_delta", "text": text})
        for note in delta.get("annotations") or ():
            citation = _citation(note)
            if citation is not None and self._open is not None and self._open[0] == "text":
                frames += self._say("text", {"type": "citations_delta", "citation": citation})
        for call in delta.get("tool_calls") or ():
            frames += self._call(call)
        native = delta.get("native_content")
        if isinstance(native, Mapping) and native.get("format") == FORM:
            for block in native["blocks"]:
                if block["type"] not in _TOLD:
                    frames += [*self._close(), *self._whole(block)]
        return frames

    def _say(self, kind: str, delta: Mapping[str, Any]) -> list[bytes]:
        frames: list[bytes] = []
        if self._open is None or self._open[0] != kind:
            frames += self._close()
            empty: dict[str, str] = {"text": ""} if kind == "text" else {"thinking": "", "signature": ""}
            frames.append(self._start({"type": kind, **empty}))
            self._open = (kind, self._next - 1)
        assert self._open is not None
        return [*frames, event({"type": "content_block_delta", "index": self._open[1], "delta": delta})]

    def _thought(self, block: Mapping[str, Any]) -> list[bytes]:
        """What a thought is known by: behind its text, which has come before, or by itself."""
        if block["type"] == "redacted_thinking":
            return [*self._close(), *self._whole(block)]
        frames: list[bytes] = []
        if self._open is None or self._open[0] != "thinking":
            frames += self._say("thinking", {"type": "thinking_delta", "thinking": ""})
        signed = {"type": "signature_delta", "signature": block["signature"]}
        return [*frames, *self._say("thinking", signed), *self._close()]

    def _call(self, call: Mapping[str, Any]) -> list[bytes]:
        place, function = call.get("index", 0), call.get("function") or {}
        frames: list[bytes] = []
        if place not in self._calls:
            frames += self._close()
            more = {key: value for key, value in call.items() if key not in ("id", "type", "function", "index")}
            use = {"type": "tool_use", "id": call["id"], "name": function["name"], "input": {}, **more}
            self._calls[place] = self._next
            frames.append(self._start(use))
        piece = function.get("arguments")
        if piece:
            delta = {"type": "input_json_delta", "partial_json": piece}
            frames.append(event({"type": "content_block_delta", "index": self._calls[place], "delta": delta}))
        return frames

    def _start(self, block: Mapping[str, Any]) -> bytes:
        self._next += 1
        return event({"type": "content_block_start", "index": self._next - 1, "content_block": block})

    def _whole(self, block: Mapping[str, Any]) -> list[bytes]:
        return [self._start(block), event({"type": "content_block_stop", "index": self._next - 1})]

    def _close(self) -> list[bytes]:
        if self._open is None:
            return []
        index, self._open = self._open[1], None
        return [event({"type": "content_block_stop", "index": index})]
