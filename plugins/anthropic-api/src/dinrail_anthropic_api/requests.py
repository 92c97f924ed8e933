"""Requests of the Messages API as chats. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from dinrail_anthropic_api.carried import FORM, detail_of
from dinrail_anthropic_api.wire import CountRequest
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import InvalidRequest, UnsupportedFeature

__all__ = ["to_chat"]

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_PLAIN = {"thinking": 0, "redacted_thinking": 0, "text": 1, "tool_use": 2}


def to_chat(request: CountRequest) -> ChatRequest:
    """The chat that a request asks for; fields that no specification knows go along.

    Raises:
        InvalidRequest: It is malformed, or asks for what cannot be told to other models.
    """
    body = request.model_dump()
    try:
        chat = _chat(body)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise InvalidRequest(f"A block of the request is malformed ({type(error).__name__}: {error}).") from None
    return decode_request(ChatRequest, {**chat, **(request.model_extra or {})})


def _chat(body: Mapping[str, Any]) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    if body.get("system"):
        messages.append({"role": "system", "content": _texts(body["system"])})
    for place, message in enumerate(body["messages"]):
        messages += _messages(message, f"messages.{place}")
    chat: dict[str, Any] = {"model": body["model"], "messages": messages}
    if "max_tokens" in body:
        chat["max_completion_tokens"] = body["max_tokens"]
    if body.get("stream"):
        chat |= {"stream": True, "stream_options": {"include_usage": True}}
    chat |= {name: body[name] for name in ("temperature", "top_p") if body.get(name) is not None}
    if body.get("stop_sequences"):
        chat["stop"] = body["stop_sequences"]
    user = (body.get("metadata") or {}).get("user_id")
    if user:
        chat["user"] = user
    tier = body.get("service_tier")
    if tier is not None:
        chat["service_tier"] = "default" if tier == "standard_only" else tier
    return chat | _tools(body) | _wishes(body)


def _wishes(body: Mapping[str, Any]) -> dict[str, Any]:
    """How much the model thinks, and the form of its answer."""
    found: dict[str, Any] = {}
    config, thinking = body.get("output_config") or {}, body.get("thinking") or {}
    effort = config.get("effort")
    if effort is None and thinking.get("type") == "enabled":
        budget = thinking["budget_tokens"]
        effort = "low" if budget <= 2048 else "medium" if budget <= 8192 else "high"
    if effort is not None and thinking.get("type") != "disabled":
        if effort not in _EFFORTS:
            raise InvalidRequest(f"There is no effort {effort!r}.", param="output_config.effort")
        found["reasoning_effort"] = effort
    form = config.get("format")
    if form:
        found["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": form["schema"]}}
    return found


def _tools(body: Mapping[str, Any]) -> dict[str, Any]:
    tools: list[dict[str, Any]] = []
    found: dict[str, Any] = {}
    for place, tool in enumerate(body.get("tools") or ()):
        kind = tool.get("type") or "custom"
        if kind == "custom":
            tools.append(_tool(tool))
        elif kind.startswith("web_search_"):
            near = {key: value for key, value in (tool.get("user_location") or {}).items() if key != "type"}
            location = {"user_location": {"type": "approximate", "approximate": near}} if near else {}
            found["web_search_options"] = location
        else:
            raise UnsupportedFeature(f"This server has no tool of the type '{kind}'.", param=f"tools.{place}.type")
    if tools:
        found["tools"] = tools
    choice = body.get("tool_choice") or {}
    match choice.get("type"):
        case "auto" | "none":
            found["tool_choice"] = choice["type"]
        case "any":
            found["tool_choice"] = "required"
        case "tool":
            found["tool_choice"] = {"type": "function", "function": {"name": choice["name"]}}
        case None:
            pass
        case other:
            raise InvalidRequest(f"There is no choice of tools '{other}'.", param="tool_choice.type")
    if choice.get("disable_parallel_tool_use"):
        found["parallel_tool_calls"] = False
    return found


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool["name"], "parameters": tool["input_schema"]}
    function |= {name: tool[name] for name in ("description", "strict") if tool.get(name) is not None}
    return {"type": "function", "function": function, **_mark(tool)}


def _messages(message: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    """A message, with results of tools as messages of their own before it."""
    content = message["content"]
    match message["role"]:
        case "system":
            return [{"role": "system", "content": _texts(content)}]
        case "assistant":
            return [_said([{"type": "text", "text": content}] if isinstance(content, str) else content, where)]
        case "user" if isinstance(content, str):
            return [{"role": "user", "content": content}]
        case "user":
            found: list[dict[str, Any]] = []
            parts: list[dict[str, Any]] = []
            for place, block in enumerate(content):
                if block["type"] == "tool_result":
                    result, seen = _result(block, f"{where}.content.{place}")
                    found.append(result)
                    parts += seen
                else:
                    parts.append(_part(block, f"{where}.content.{place}"))
            return [*found, {"role": "user", "content": parts}] if parts else found
    raise InvalidRequest("A role is 'user', 'assistant' or 'system'.", param=f"{where}.role")


def _result(block: Mapping[str, Any], where: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A tool's result, and what of it is no text and so has to be shown by the user."""
    content = block.get("content") or ""
    parts = [] if isinstance(content, str) else [_part(one, where) for one in content]
    texts = [part for part in parts if part["type"] == "text"]
    message = {
        "role": "tool",
        "tool_call_id": block["tool_use_id"],
        "content": content if isinstance(content, str) else texts or "",
        **({"is_error": True} if block.get("is_error") else {}),
        **_mark(block),
    }
    return message, [part for part in parts if part["type"] != "text"]


def _texts(content: str | Sequence[Mapping[str, Any]]) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return content
    return [{"type": "text", "text": block["text"], **_mark(block)} for block in content]


def _part(block: Mapping[str, Any], where: str) -> dict[str, Any]:
    match block:
        case {"type": "text", "text": str(text)}:
            return {"type": "text", "text": text, **_mark(block)}
        case {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}:
            return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{data}"}, **_mark(block)}
        case {"type": "image", "source": {"type": "url", "url": str(url)}}:
            return {"type": "image_url", "image_url": {"url": url}, **_mark(block)}
        case {"type": "document", "source": source}:
            return {"type": "file", "file": _file(block, source, where), **_mark(block)}
        case {"type": "search_result", "content": content}:
            text = "\n".join(part["text"] for part in content)
            return {"type": "text", "text": f"{block.get('title', '')}\n{block.get('source', '')}\n{text}".strip()}
    raise UnsupportedFeature(f"This server takes no '{block['type']}' there.", param=where)


def _file(block: Mapping[str, Any], source: Mapping[str, Any], where: str) -> dict[str, Any]:
    named = {"filename": block["title"]} if block.get("title") else {}
    match source:
        case {"type": "base64", "media_type": kind, "data": data}:
            return {"file_data": f"data:{kind};base64,{data}", **named}
        case {"type": "text", "data": str(text)}:
            return {"file_data": f"data:text/plain;base64,{base64.b64encode(text.encode()).decode()}", **named}
        case {"type": "url", "url": str(url)}:
            return {"file_data": url, **named}
        case {"type": "file", "file_id": str(identity)}:
            return {"file_id": identity}
    raise UnsupportedFeature(f"This server takes no document of the source '{source['type']}'.", param=where)


def _said(blocks: Sequence[Mapping[str, Any]], where: str) -> dict[str, Any]:
    """A turn of the model's: text, thoughts and calls, and the whole of it where those could not rebuild it."""
    texts = [{"type": "text", "text": one["text"], **_mark(one)} for one in blocks if one["type"] == "text"]
    message: dict[str, Any] = {"role": "assistant", "content": texts or None}
    thoughts = [one["thinking"] for one in blocks if one["type"] == "thinking" and one["thinking"]]
    if thoughts:
        message["reasoning_content"] = "".join(thoughts)
    found = (
        detail_of(one, place) for place, one in enumerate(blocks) if one["type"] in ("thinking", "redacted_thinking")
    )
    details = [detail for detail in found if detail is not None]
    if details:
        message["reasoning_details"] = details
    calls = [
        {
            **{key: value for key, value in one.items() if key not in ("type", "id", "name", "input")},
            "id": one["id"],
            "type": "function",
            "function": {"name": one["name"], "arguments": orjson.dumps(one["input"]).decode()},
        }
        for one in blocks
        if one["type"] == "tool_use"
    ]
    if calls:
        message["tool_calls"] = calls
    order = [_PLAIN.get(one["type"], -1) for one in blocks]
    if -1 in order or order != sorted(order) or any(one.get("citations") for one in blocks):
        message["native_content"] = {"format": FORM, "blocks": list(blocks)}
    if not texts and not calls:
        message["content"] = ""
    return message


def _mark(block: Mapping[str, Any]) -> dict[str, Any]:
    return {"cache_control": block["cache_control"]} if block.get("cache_control") else {}
