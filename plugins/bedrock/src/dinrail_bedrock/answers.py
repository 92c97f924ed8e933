"""What Bedrock's ``Converse`` answers, in OpenAI's words. Pure, over JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from dinrail_bedrock.messages import FORM
from dinrail_sdk.translation import completion, encrypted, native, thought

__all__ = ["detail_of", "end_of", "is_call", "is_plain", "notes_of", "read_converse", "text_of", "tier_of", "usage_of"]

_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
_KNOWN = frozenset({"output", "stopReason", "usage"})
_COUNTS = ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
_ORDER = {"reasoningContent": 0, "text": 1, "toolUse": 2}


def read_converse(answer: Mapping[str, Any], about: Mapping[str, Any]) -> dict[str, Any]:
    """A whole answer as a chat completion.

    Args:
        answer: As it came.
        about: ``id``, ``created`` and ``model``, which it does not tell.
    """
    blocks: list[dict[str, Any]] = answer["output"]["message"]["content"]
    if type(blocks) is not list or not all(type(block) is dict for block in blocks):
        raise TypeError("a message is blocks")
    texts, thoughts, details, calls, notes = [], [], [], [], []
    length = 0
    for place, block in enumerate(blocks):
        text = text_of(block)
        if text is not None:
            texts.append(text)
            notes += notes_of(block, length)
            length += len(text)
        elif "reasoningContent" in block:
            thoughts.append((block["reasoningContent"].get("reasoningText") or {}).get("text") or "")
            details.append(detail_of(block["reasoningContent"], place))
        elif is_call(block):
            use = block["toolUse"]
            function = {"name": use["name"], "arguments": orjson.dumps(use["input"]).decode()}
            calls.append({"id": use["toolUseId"], "type": "function", "function": function})
    content = "".join(texts) if texts or not calls else None
    said: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
    if any(thoughts):
        said["reasoning_content"] = "".join(thoughts)
    more = {"reasoning_details": details, "tool_calls": calls, "annotations": notes}
    said |= {name: found for name, found in more.items() if found}
    if not is_plain(blocks):
        said["native_content"] = native(blocks, FORM)
    extra = {key: value for key, value in answer.items() if key not in _KNOWN} | tier_of(answer)
    reason, choice = end_of(answer)
    return completion(about, {"message": said, "finish_reason": reason, **choice}, usage_of(answer.get("usage")), extra)


def text_of(block: Mapping[str, Any]) -> str | None:
    """What a block says, with citations or without; ``None`` for one of another kind."""
    if "text" in block:
        return _text(block["text"])
    if "citationsContent" in block:
        return "".join(_text(part.get("text") or "") for part in block["citationsContent"].get("content") or ())
    return None


def is_call(block: Mapping[str, Any]) -> bool:
    """Whether it calls a tool of the caller's, and not one that Bedrock has run itself."""
    return "toolUse" in block and not block["toolUse"].get("type")


def notes_of(block: Mapping[str, Any], start: int) -> list[dict[str, Any]]:
    """The citations of a block whose text begins at a character of the whole."""
    cited = block.get("citationsContent") or {}
    place = {"start_index": start, "end_index": start + len(text_of(block) or "")}
    return [_note(citation, place) for citation in cited.get("citations") or ()]


def _note(citation: Mapping[str, Any], place: Mapping[str, int]) -> dict[str, Any]:
    location = citation.get("location") or {}
    page = location.get("web")
    if page is not None and page.get("url"):
        rest = {key: value for key, value in citation.items() if key not in ("title", "location")}
        url = {"url": page["url"], "title": citation.get("title") or ""}
        return {"type": "url_citation", "url_citation": {**place, **url, **rest}}
    return {"type": next(iter(location), "citation"), **citation, **place}


def detail_of(reasoning: Mapping[str, Any], place: int) -> dict[str, Any]:
    """A thought with what its maker knows it by."""
    if reasoning.get("redactedContent") is not None:
        return encrypted(reasoning["redactedContent"], FORM, place)
    text = reasoning["reasoningText"]
    return thought(_text(text["text"]), text.get("signature"), FORM, place)


def tier_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """In which tier it was answered, in OpenAI's words, which are Bedrock's but for ``reserved``."""
    tier = answer.get("serviceTier")
    kind = tier.get("type") if isinstance(tier, Mapping) else None
    return {"service_tier": kind} if kind in ("default", "priority", "flex") else {}


def is_plain(blocks: Iterable[Mapping[str, Any]]) -> bool:
    """Whether thoughts, text and calls rebuild the turn: in this order, one text at most, and without citations."""
    order = [_rank(block) for block in blocks]
    return -1 not in order and order == sorted(order) and order.count(1) < 2


def _rank(block: Mapping[str, Any]) -> int:
    kinds: Sequence[str] = [*block]
    if len(kinds) != 1 or (kinds[0] == "toolUse" and not is_call(block)):
        return -1
    return _ORDER.get(kinds[0], -1)


def end_of(answer: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The finish reason, Bedrock's own where nobody else has it, and what else is said about the end."""
    reason = _text(answer["stopReason"])
    return _REASONS.get(reason, reason), {"native_finish_reason": reason}


def usage_of(usage: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Tokens; Bedrock counts what is read from and written to a cache beside the rest of the prompt."""
    if not usage:
        return None
    fresh, read, written = (usage.get(name) or 0 for name in _COUNTS)
    prompt, said = fresh + read + written, usage["outputTokens"]
    found: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said}
    details = {"cached_tokens": "cacheReadInputTokens", "cache_write_tokens": "cacheWriteInputTokens"}
    told = {name: usage[theirs] for name, theirs in details.items() if usage.get(theirs) is not None}
    if told:
        found["prompt_tokens_details"] = told
    gone = {*_COUNTS, "outputTokens", "totalTokens"}
    return found | {key: value for key, value in usage.items() if key not in gone and value is not None}


def _text(text: object) -> str:
    if type(text) is not str:
        raise TypeError("a text is text")
    return text
