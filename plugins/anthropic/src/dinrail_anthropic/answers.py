"""What Anthropic answers, in OpenAI's words. Pure, over JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from dinrail_anthropic.messages import FORM
from dinrail_sdk.translation import completion, encrypted, native, thought

__all__ = [
    "KNOWN",
    "annotation",
    "call_fields",
    "detail_of",
    "end_of",
    "is_plain",
    "read_message",
    "tier_of",
    "usage_of",
]

KNOWN = frozenset({"id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "stop_details", "usage"})
"""Fields of a message that are translated; others are handed on."""

_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_TIERS = {"standard": "default", "priority": "priority"}
_CALL = frozenset({"type", "id", "name", "input"})
_COUNTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def read_message(message: Mapping[str, Any], created: int) -> dict[str, Any]:
    """A whole message as a chat completion."""
    blocks: list[dict[str, Any]] = message["content"]
    texts, thoughts, details, calls, notes = [], [], [], [], []
    length = 0
    for place, block in enumerate(blocks):
        match block["type"]:
            case "text":
                texts.append(block["text"])
                notes += [annotation(one, length, length + len(block["text"])) for one in block.get("citations") or ()]
                length += len(block["text"])
            case "thinking":
                thoughts.append(block["thinking"])
                details.append(detail_of(block, place))
            case "redacted_thinking":
                details.append(detail_of(block, place))
            case "tool_use":
                function = {"name": block["name"], "arguments": orjson.dumps(block["input"]).decode()}
                calls.append({"id": block["id"], "type": "function", "function": function, **call_fields(block)})
    said: dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts else None, "refusal": None}
    if not texts and not calls:
        said["content"] = ""
    if thoughts:
        said["reasoning_content"] = "".join(thoughts)
    more = {"reasoning_details": details, "tool_calls": calls, "annotations": notes}
    said |= {name: found for name, found in more.items() if found}
    if not is_plain(blocks):
        said["native_content"] = native(blocks, FORM)
    about = {"id": message["id"], "created": created, "model": message["model"]}
    extra = {key: value for key, value in message.items() if key not in KNOWN} | tier_of(message.get("usage"))
    reason, choice = end_of(message)
    return completion(
        about, {"message": said, "finish_reason": reason, **choice}, usage_of(message.get("usage")), extra
    )


def end_of(message: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The finish reason, Anthropic's own where nobody else has it, and what else is said about the end.

    Raises:
        ValueError: It has none.
    """
    reason = message["stop_reason"]
    if not isinstance(reason, str):
        raise ValueError("a whole message says why it ended")
    about = {key: message[key] for key in ("stop_sequence", "stop_details") if message.get(key) is not None}
    return _REASONS.get(reason, reason), {"native_finish_reason": reason, **about}


def tier_of(usage: Mapping[str, Any] | None) -> dict[str, Any]:
    """In which tier it was answered, in OpenAI's word where there is one; it stands within Anthropic's usage."""
    tier = (usage or {}).get("service_tier")
    return {"service_tier": _TIERS[tier]} if isinstance(tier, str) and tier in _TIERS else {}


def is_plain(blocks: Iterable[Mapping[str, Any]]) -> bool:
    """Whether thoughts, text and calls rebuild the turn: in this order, one text at most, and without citations."""
    order = [_ORDER.get(block["type"], -1) for block in blocks]
    cited = any(block.get("citations") for block in blocks)
    return not cited and -1 not in order and order == sorted(order) and order.count(1) < 2


_ORDER = {"thinking": 0, "redacted_thinking": 0, "text": 1, "tool_use": 2}


def detail_of(block: Mapping[str, Any], place: int) -> dict[str, Any]:
    """A thought with what Anthropic knows it by."""
    if block["type"] == "redacted_thinking":
        return encrypted(block["data"], FORM, place)
    return thought(block["thinking"], block.get("signature"), FORM, place)


def call_fields(block: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a call that OpenAI's have not (``caller``, ``toolset_name``)."""
    return {key: value for key, value in block.items() if key not in _CALL and value is not None}


def annotation(citation: Mapping[str, Any], start: int, end: int) -> dict[str, Any]:
    """A citation of the text between two characters."""
    if citation["type"] != "web_search_result_location":
        return {**citation, "start_index": start, "end_index": end}
    rest = {key: value for key, value in citation.items() if key not in ("type", "url", "title")}
    url = {"url": citation["url"], "title": citation.get("title") or ""}
    return {"type": "url_citation", "url_citation": {"start_index": start, "end_index": end, **url, **rest}}


def usage_of(usage: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Tokens; Anthropic counts what is read from and written to a cache beside the rest of the prompt."""
    if not usage:
        return None
    fresh, read, written = (usage.get(name) or 0 for name in _COUNTS)
    prompt, said = fresh + read + written, usage["output_tokens"]
    found: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said}
    details = {"cached_tokens": "cache_read_input_tokens", "cache_write_tokens": "cache_creation_input_tokens"}
    told = {name: usage[theirs] for name, theirs in details.items() if usage.get(theirs) is not None}
    if told:
        found["prompt_tokens_details"] = told
    thinking = (usage.get("output_tokens_details") or {}).get("thinking_tokens")
    if thinking is not None:
        found["completion_tokens_details"] = {"reasoning_tokens": thinking}
    gone = {*_COUNTS, "output_tokens", "output_tokens_details"}
    return found | {key: value for key, value in usage.items() if key not in gone and value is not None}
