"""Chats in Mistral's words, as its OpenAPI description of August 2026 has them. Pure."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.wire import Wire
from dinrail_mistral.answers import FORM
from dinrail_sdk.openai.requests import instructions_as_system, older_limit, without
from dinrail_sdk.translation import in_native_words, thoughts_of

__all__ = ["MistralChat", "call_id", "in_mistrals_words"]

_WITHOUT_EFFECT = (
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
    "stream_options",
    "user",
)
_NOT_IN_MESSAGES = frozenset(
    {"annotations", "audio", "cache_control", "function_call", "name", "native_content"}
    | {"reasoning", "reasoning_content", "reasoning_details", "refusal"}
)
_NOT_IN_PARTS = frozenset({"cache_control", "prompt_cache_breakpoint"})
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CALL_ID = re.compile(r"[a-zA-Z0-9]{9}")


class MistralChat(Wire):
    """``POST /v1/chat/completions``; what is no different there stands among the unknown fields."""

    messages: list[dict[str, Any]]


def in_mistrals_words(request: ChatRequest) -> MistralChat:
    """A chat without what Mistral refuses although it would change nothing, and the rest under Mistral's names."""
    body = without(older_limit(instructions_as_system(request)), _WITHOUT_EFFECT).model_dump()
    body["messages"] = [_message(message) for message in body["messages"]]
    if "seed" in body:
        body["random_seed"] = body.pop("seed")
    if "tools" in body:
        body["tools"] = [_tool(tool) for tool in body["tools"]]
    return MistralChat.model_validate(body)


def call_id(given: str) -> str:
    """The id of a tool call as Mistral takes it: itself where it is one, else always the same for the same."""
    if _CALL_ID.fullmatch(given):
        return given
    number = int.from_bytes(hashlib.blake2b(given.encode(), digest_size=8).digest())
    return "".join(_ALPHABET[number // 62**place % 62] for place in range(9))


def _message(message: dict[str, Any]) -> dict[str, Any]:
    dropped = _NOT_IN_MESSAGES - {"name"} if message["role"] == "tool" else _NOT_IN_MESSAGES
    kept = {k: v for k, v in message.items() if k not in dropped}
    if isinstance(kept.get("tool_call_id"), str):
        kept = kept | {"tool_call_id": call_id(kept["tool_call_id"])}
    if kept.get("tool_calls"):
        kept = kept | {"tool_calls": [call | {"id": call_id(call["id"])} for call in kept["tool_calls"]]}
    if isinstance(message.get("content"), list):
        parts = [{k: v for k, v in part.items() if k not in _NOT_IN_PARTS} for part in message["content"]]
        kept, message = kept | {"content": parts}, message | {"content": parts}
    if message["role"] == "assistant":
        return kept | _said(message)
    if isinstance(kept.get("content"), list):
        kept = kept | {"content": [_part(part) for part in kept["content"]]}
    return kept


def _said(message: dict[str, Any]) -> dict[str, Any]:
    """The content of an assistant's message: its own chunks where it carries them, or else thoughts before the text."""
    if (blocks := in_native_words(message, FORM)) is not None:
        return {"content": blocks}
    content = message.get("content")
    if content is None:
        content = message.get("refusal")
    elif isinstance(content, list):
        # A part that says no is a text like others there.
        content = [{"type": "text", "text": part["refusal"]} if part["type"] == "refusal" else part for part in content]
    thoughts = [_thinking(one.get("text"), one.get("signature")) for one in thoughts_of(message, FORM)]
    if not thoughts:
        # What another maker's model thought is read as well, as far as it is text.
        thoughts = [
            _thinking(text, None) for text in (message.get("reasoning_content") or message.get("reasoning"),) if text
        ]
    if not thoughts:
        return {} if content is None else {"content": content}
    texts = [{"type": "text", "text": content}] if isinstance(content, str) and content else content or []
    return {"content": [*thoughts, *texts]}


def _thinking(text: Any, signature: Any) -> dict[str, Any]:
    chunk = {"type": "thinking", "thinking": [{"type": "text", "text": text if isinstance(text, str) else ""}]}
    return chunk | ({"signature": signature} if signature else {})


def _part(part: dict[str, Any]) -> dict[str, Any]:
    match part:
        case {"type": "input_audio", "input_audio": {"data": sound}}:
            return {"type": "input_audio", "input_audio": sound}
        case {"type": "file", "file": {"file_data": str(document), **rest}}:
            named = {"document_name": rest["filename"]} if rest.get("filename") else {}
            return {"type": "document_url", "document_url": document, **named}
        case {"type": "file", "file": {"file_id": str(identity)}}:
            return {"type": "file", "file_id": identity}
    return part


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    """A function without parameters takes none, which has to be said; ``strict: null`` must not be."""
    if tool.get("type") != "function":
        return tool
    function = {key: value for key, value in tool["function"].items() if not (key == "strict" and value is None)}
    return tool | {"function": {"parameters": {"type": "object", "properties": {}}} | function}
