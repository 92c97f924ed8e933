"""Chats as requests of Cohere's ``POST /v2/chat``. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.errors import UnsupportedFeature
from dinrail_sdk.translation import in_native_words, joined_text, parts_of, refuse_fields, thoughts_of

__all__ = ["FORM", "chat_request"]

FORM = "cohere-v2"
"""Whose thoughts, plans and blocks are ours."""

_NOT_THERE = (
    "n",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "verbosity",
    "audio",
    "modalities",
    "functions",
    "function_call",
    "web_search_options",
    "moderation",
)
_SETTINGS = {
    "temperature": "temperature",
    "top_p": "p",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
}
_BUDGETS = {"minimal": 512, "low": 1024, "medium": 4096}
"""Tokens for thinking; more than that is as much as the model wants."""


def chat_request(request: ChatRequest, *, stream: bool) -> dict[str, Any]:
    """The body of a chat; fields that no specification knows (``documents``, ``citation_options``) go along.

    Raises:
        InvalidRequest: It asks for something that Cohere has no words for.
    """
    body = request.model_dump()
    refuse_fields(body, _NOT_THERE, "Cohere")
    messages = [_message(message, f"messages.{place}") for place, message in enumerate(body["messages"])]
    sent: dict[str, Any] = {"model": request.model, "messages": messages, "stream": stream}
    sent |= {theirs: body[ours] for ours, theirs in _SETTINGS.items() if body.get(ours) is not None}
    if body.get("stop") is not None:
        sent["stop_sequences"] = [body["stop"]] if isinstance(body["stop"], str) else body["stop"]
    form = body.get("response_format") or {"type": "text"}
    if form["type"] != "text":
        schema = (form.get("json_schema") or {}).get("schema")
        sent["response_format"] = {"type": "json_object"} | ({"json_schema": schema} if schema else {})
    effort = body.get("reasoning_effort")
    if effort is not None:
        limit = {"token_budget": _BUDGETS[effort]} if effort in _BUDGETS else {}
        sent["thinking"] = {"type": "disabled"} if effort == "none" else {"type": "enabled", **limit}
    return {**sent, **_tools(body), **(request.model_extra or {})}


def _message(message: Mapping[str, Any], where: str) -> dict[str, Any]:
    content = message.get("content")
    match message["role"]:
        case "assistant":
            return {"role": "assistant", **_said(message, where)}
        case "tool":
            told = content if isinstance(content, str) else [{"type": "text", "text": p["text"]} for p in content or ()]
            return {"role": "tool", "tool_call_id": message["tool_call_id"], "content": told}
        case "user":
            parts = parts_of(content)
            if isinstance(content, str):
                return {"role": "user", "content": content}
            return {"role": "user", "content": [_part(part, f"{where}.content.{at}") for at, part in enumerate(parts)]}
        case "function":
            raise UnsupportedFeature(
                "This provider takes results of tools in messages of the role 'tool'.", param=where
            )
    return {"role": "system", "content": content if isinstance(content, str) else _texts(content)}


def _texts(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": part["text"]} for part in parts_of(content)]


def _part(part: Mapping[str, Any], where: str) -> dict[str, Any]:
    match part["type"]:
        case "text":
            return {"type": "text", "text": part["text"]}
        case "image_url":
            return {"type": "image_url", "image_url": part["image_url"]}
    raise UnsupportedFeature(f"Cohere's models take no '{part['type']}'.", param=where)


def _said(message: Mapping[str, Any], where: str) -> dict[str, Any]:
    """A turn of the model's: thoughts and text as content, the plan, the calls, and what it rested on."""
    found: dict[str, Any] = {}
    turn = in_native_words(message, FORM)
    thoughts, plan = _thoughts(message)
    text = joined_text(message.get("content") or message.get("refusal"))
    if turn is not None:
        found["content"] = turn
    elif thoughts:
        texts = [{"type": "text", "text": text}] if text else []
        found["content"] = [*({"type": "thinking", "thinking": one} for one in thoughts), *texts]
    elif text:
        found["content"] = text
    if plan:
        found["tool_plan"] = plan
    calls = message.get("tool_calls") or []
    for place, call in enumerate(calls):
        if call["type"] != "function":
            raise UnsupportedFeature("Cohere's models call functions alone.", param=f"{where}.tool_calls.{place}")
    if calls:
        found["tool_calls"] = [
            {"id": call["id"], "type": "function", "function": dict(call["function"])} for call in calls
        ]
    cited = [_citation(note) for note in message.get("annotations") or () if isinstance(note.get("sources"), list)]
    if cited:
        found["citations"] = cited
    return found or {"content": ""}


def _thoughts(message: Mapping[str, Any]) -> tuple[list[str], str]:
    """What the model thought, and what it planned before it called tools."""
    ours = thoughts_of(message, FORM)
    thoughts = [str(detail.get("text", "")) for detail in ours if detail.get("type") == "reasoning.text"]
    plan = "".join(str(detail.get("summary", "")) for detail in ours if detail.get("type") == "reasoning.summary")
    return thoughts, plan


def _citation(note: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in note.items() if key not in ("start_index", "end_index")}


def _tools(body: Mapping[str, Any]) -> dict[str, Any]:
    choice, offered = body.get("tool_choice"), body.get("tools") or []
    for place, tool in enumerate(offered):
        if tool["type"] != "function":
            raise UnsupportedFeature("Cohere's models take functions alone.", param=f"tools.{place}")
    if not offered:
        return {}
    if body.get("parallel_tool_calls") is False:
        raise UnsupportedFeature("Cohere cannot forbid parallel calls.", param="parallel_tool_calls")
    must: str | None = None
    match choice:
        case "required" | "none":
            must = choice.upper()
        case {"type": "function", "function": {"name": name}}:
            # A function is named by offering it alone.
            offered, must = _named(offered, {name}), "REQUIRED"
        case {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}:
            names = {tool["function"]["name"] for tool in tools if isinstance(tool.get("function"), dict)}
            offered, must = _named(offered, names), "REQUIRED" if mode == "required" else None
        case {"type": "custom"}:
            raise UnsupportedFeature("Cohere's models take functions alone.", param="tool_choice")
    strict = all(tool["function"].get("strict") for tool in offered)
    return {
        "tools": [{"type": "function", "function": _function(tool["function"])} for tool in offered],
        **({"tool_choice": must} if must else {}),
        **({"strict_tools": True} if strict and offered else {}),
    }


def _named(offered: Sequence[Mapping[str, Any]], names: set[str]) -> list[Mapping[str, Any]]:
    return [tool for tool in offered if tool["function"]["name"] in names]


def _function(function: Mapping[str, Any]) -> dict[str, Any]:
    made = {key: value for key, value in function.items() if key != "strict" and value is not None}
    return {"parameters": {"type": "object", "properties": {}}, **made}
