"""What Cohere's ``/v2/chat`` answers, in OpenAI's words, whole and event by event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dinrail_cohere.requests import FORM
from dinrail_core.errors import UpstreamFailed, UpstreamTimeout
from dinrail_sdk.translation import Chunks, completion, native, thought

__all__ = ["ChatReducer", "read_chat", "usage_of"]

_REASONS = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
}
_KNOWN = frozenset({"id", "finish_reason", "message", "usage"})
_EVENT = frozenset({"type", "id", "index", "delta"})


def read_chat(answer: Mapping[str, Any], model: str, created: int) -> dict[str, Any]:
    """A whole answer as a chat completion.

    Raises:
        UpstreamError: It says that the model failed.
    """
    said = answer["message"]
    blocks: list[dict[str, Any]] = list(said.get("content") or ())
    texts = [block["text"] for block in blocks if block["type"] == "text"]
    thoughts = [block["thinking"] for block in blocks if block["type"] == "thinking"]
    plan = said.get("tool_plan") or ""
    calls = [_call(call) for call in said.get("tool_calls") or ()]
    message: dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts or not calls else None}
    message["refusal"] = None
    if thoughts or plan:
        message["reasoning_content"] = "".join(thoughts) + plan
        message["reasoning_details"] = _details(thoughts, plan)
    if calls:
        message["tool_calls"] = calls
    notes = [_note(citation, blocks) for citation in said.get("citations") or ()]
    if notes:
        message["annotations"] = notes
    if not _is_plain(blocks):
        message["native_content"] = native(blocks, FORM)
    reason, more = _end(answer)
    extra = {key: value for key, value in answer.items() if key not in _KNOWN}
    about = {"id": answer["id"], "created": created, "model": model}
    return completion(about, {"message": message, "finish_reason": reason, **more}, usage_of(answer), extra)


class ChatReducer:
    """One streamed answer; see :class:`~dinrail_sdk.translation.Reducer`.

    Args:
        model: What was asked, since the answer does not say it.
        created: Seconds since the epoch.
        usage: Whether the stream is to tell it.
    """

    def __init__(self, model: str, created: int, *, usage: bool) -> None:
        self.finished = False
        self.done = False
        self._model = model
        self._created = created
        self._wanted = usage
        self._chunks: Chunks | None = None
        self._blocks: list[dict[str, Any]] = []
        self._grown: list[list[str]] = []
        self._plan: list[str] = []
        self._calls = -1

    def feed(self, event: dict[str, Any]) -> bytes:
        """See :meth:`~dinrail_sdk.translation.Reducer.feed`."""
        kind = event["type"]
        extra = {} if event.keys() <= _EVENT else {key: event[key] for key in event if key not in _EVENT}
        match kind:
            case "content-delta":
                return self._add(event["delta"]["message"]["content"], extra)
            case "message-start":
                return self._start(event, extra)
            case "content-start":
                return self._open(event["delta"]["message"]["content"], extra)
            case "tool-plan-delta":
                piece = _text(event["delta"]["message"]["tool_plan"])
                self._plan.append(piece)
                return self._to.delta({"reasoning_content": piece}, extra)
            case "tool-call-start":
                self._calls += 1
                return self._to.delta({"tool_calls": [{"index": self._calls, **_call(_called(event))}]}, extra)
            case "tool-call-delta" if self._calls < 0:
                raise ValueError("no call has begun")
            case "tool-call-delta":
                function = {"arguments": _text(_called(event)["function"]["arguments"])}
                return self._to.delta({"tool_calls": [{"index": self._calls, "function": function}]}, extra)
            case "citation-start":
                note = _note(event["delta"]["message"]["citations"], self._whole())
                return self._to.delta({"annotations": [note]}, extra)
            case "message-end":
                return self._end(event["delta"], extra)
        return b""

    @property
    def _to(self) -> Chunks:
        if self._chunks is None:
            raise ValueError("the message has not begun")
        return self._chunks

    def _start(self, event: dict[str, Any], extra: Mapping[str, Any]) -> bytes:
        message = event["delta"]["message"]
        if not all(isinstance(message.get(name) or [], list) for name in ("content", "tool_calls", "citations")):
            raise TypeError("a message begins with lists")
        self._chunks = Chunks(event["id"], self._model, self._created)
        return self._to.delta({"role": "assistant", "content": ""}, extra)

    def _open(self, content: Mapping[str, Any], extra: Mapping[str, Any]) -> bytes:
        kind = content.get("type") or ("thinking" if "thinking" in content else "text")
        self._blocks.append({**content, "type": kind})
        self._grown.append([])
        return self._add(content, extra) if content.get("text") or content.get("thinking") else b""

    def _add(self, content: Mapping[str, Any], extra: Mapping[str, Any]) -> bytes:
        if not self._blocks:
            raise ValueError("no content has begun")
        if content.get("thinking"):
            self._grown[-1].append(_text(content["thinking"]))
            return self._to.delta({"reasoning_content": content["thinking"]}, extra)
        text = _text(content.get("text") or "")
        self._grown[-1].append(text)
        return self._to.delta({"content": text}, extra) if extra else self._to.text(text)

    def _whole(self) -> list[dict[str, Any]]:
        """The blocks so far."""
        return [
            {**block, block["type"]: "".join(pieces)} if block["type"] in ("text", "thinking") else block
            for block, pieces in zip(self._blocks, self._grown, strict=True)
        ]

    def _end(self, delta: Mapping[str, Any], extra: Mapping[str, Any]) -> bytes:
        reason, more = _end(delta)
        self.finished = self.done = True
        blocks = self._whole()
        last: dict[str, Any] = {}
        details = _details([one["thinking"] for one in blocks if one["type"] == "thinking"], "".join(self._plan))
        if details:
            last["reasoning_details"] = details
        if not _is_plain(blocks):
            last["native_content"] = native(blocks, FORM)
        frames = self._to.finish(reason, more, last, extra)
        told = usage_of(delta) if self._wanted else None
        return frames if told is None else frames + self._to.usage(told, extra)


def usage_of(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """Tokens, which Cohere sends as floats; what it bills for stands beside them."""
    usage = answer.get("usage") or {}
    tokens = usage.get("tokens") or usage.get("billed_units")
    if not tokens:
        return None
    prompt, said = int(tokens.get("input_tokens") or 0), int(tokens.get("output_tokens") or 0)
    found: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said}
    if usage.get("cached_tokens") is not None:
        found["prompt_tokens_details"] = {"cached_tokens": int(usage["cached_tokens"])}
    return found | {key: value for key, value in usage.items() if key not in ("tokens", "cached_tokens")}


def _end(answer: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    reason = answer["finish_reason"]
    if reason == "ERROR":
        raise UpstreamFailed(f"Cohere's model failed: {answer.get('error') or 'it does not say why'}.")
    if reason == "TIMEOUT":
        raise UpstreamTimeout("Cohere's model ran out of time.")
    return _REASONS.get(_text(reason), reason), {"native_finish_reason": reason}


def _called(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The call of an event, which stands there alone or, as older servers have it, in a list."""
    calls = event["delta"]["message"]["tool_calls"]
    found: Mapping[str, Any] = calls[0] if isinstance(calls, list) else calls
    return found


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call["function"]
    arguments = _text(function.get("arguments") or "")
    return {"id": call["id"], "type": "function", "function": {"name": function["name"], "arguments": arguments}}


def _details(thoughts: Sequence[str], plan: str) -> list[dict[str, Any]]:
    found = [thought(text, None, FORM, place) for place, text in enumerate(thoughts)]
    if plan:
        found.append({"type": "reasoning.summary", "summary": plan, "format": FORM, "index": len(found)})
    return found


def _is_plain(blocks: Sequence[Mapping[str, Any]]) -> bool:
    """Whether thoughts and one text rebuild the content."""
    kinds = [block["type"] for block in blocks]
    return all(kind == "thinking" for kind in kinds[:-1]) and all(kind in ("thinking", "text") for kind in kinds[-1:])


def _note(citation: Mapping[str, Any], blocks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A citation, whose place is counted in its own block; one of thoughts or of a plan has none in the text."""
    if citation.get("type") not in (None, "TEXT_CONTENT"):
        return dict(citation)
    place = citation.get("content_index") or 0
    before = sum(len(block["text"]) for block in blocks[:place] if block["type"] == "text")
    start, end = before + (citation.get("start") or 0), before + (citation.get("end") or 0)
    return {"type": "TEXT_CONTENT", **citation, "start_index": start, "end_index": end}


def _text(text: object) -> str:
    if type(text) is not str:
        raise TypeError("a text is text")
    return text
