"""Chats in Databricks' words ("Foundation model REST API reference"). Pure."""

from __future__ import annotations

from typing import Any

from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.wire import Wire
from dinrail_databricks.answers import FORM
from dinrail_sdk.openai.requests import bare_messages, instructions_as_system, older_limit, without
from dinrail_sdk.translation import in_native_words, thoughts_of

__all__ = ["DatabricksChat", "in_databricks_words"]

_WITHOUT_EFFECT = (
    "metadata",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "store",
)


class DatabricksChat(Wire):
    """``POST /serving-endpoints/chat/completions``; what is no different there stands among the unknown fields."""

    messages: list[dict[str, Any]]


def in_databricks_words(request: ChatRequest) -> DatabricksChat:
    """A chat without what Databricks refuses although it would change nothing, and thoughts among the content."""
    asked = older_limit(instructions_as_system(request))
    body = without(bare_messages(asked), _WITHOUT_EFFECT).model_dump()
    whole = asked.model_dump()["messages"]
    body["messages"] = [_message(bare, given) for bare, given in zip(body["messages"], whole, strict=True)]
    if "tools" in body:
        body["tools"] = [_tool(tool) for tool in body["tools"]]
    return DatabricksChat.model_validate(body)


def _message(bare: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Thoughts that Databricks has told go back as they were; it has no field for those of others."""
    if bare["role"] != "assistant":
        return bare
    kept = {name: value for name, value in bare.items() if name != "reasoning"}
    if (blocks := in_native_words(given, FORM)) is not None:
        return kept | {"content": blocks}
    told = [_summary(one) for one in thoughts_of(given, FORM)]
    if not told:
        return kept
    content = kept.get("content")
    texts = [{"type": "text", "text": content}] if isinstance(content, str) and content else content or []
    return kept | {"content": [{"type": "reasoning", "summary": told}, *texts]}


def _summary(one: Any) -> dict[str, Any]:
    if one.get("type") == "reasoning.encrypted":
        return {"type": "summary_encrypted_text", "data": one["data"]}
    signed = {"signature": one["signature"]} if one.get("signature") else {}
    return {"type": "summary_text", "text": one.get("text") or "", **signed}


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    """A function without parameters takes none, which has to be said."""
    if tool.get("type") != "function":
        return tool
    return tool | {"function": {"parameters": {"type": "object", "properties": {}}} | tool["function"]}
