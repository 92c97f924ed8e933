"""Requests of the Messages API as chats. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
    chat = _chat(request.model_dump())
    # Chats have four at most, and some upstreams take more.
    stops = chat.get("stop") or []
    try:
        made = decode_request(
            ChatRequest, {**chat, **(request.model_extra or {}), **({"stop": stops[:4]} if stops else {})}
        )
    except InvalidRequest as error:
        raise InvalidRequest(error.message, param=_NAMES.get(error.param or "", error.param)) from None
    return made.model_copy(update={"stop": stops}) if len(stops) > 4 else made


_NAMES = {
    "stop": "stop_sequences",
    "user": "metadata.user_id",
    "max_completion_tokens": "max_tokens",
    "response_format.json_schema.schema": "output_config.format.schema",
}
"""Fields of chats by the names that a caller has for them."""


@contextmanager
def _within(where: str) -> Iterator[None]:
    """Name the field whose content is not what it must be."""
    try:
        yield
    except KeyError as error:
        name = str(error.args[0])
        raise InvalidRequest(f"Missing required field '{name}'.", param=f"{where}.{name}") from None
    except (AttributeError, IndexError, TypeError, ValueError):
        raise InvalidRequest("This is not what the Messages API has there.", param=where) from None


def _chat(body: Mapping[str, Any]) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    if body.get("system"):
        messages.append({"role": "system", "content": _texts(body["system"], "system")})
    for place, message in enumerate(body["messages"]):
        with _within(f"messages.{place}"):
            messages += _messages(message, f"messages.{place}")
    chat: dict[str, Any] = {"model": body["model"], "messages": messages}
    if "max_tokens" in body:
        chat["max_completion_tokens"] = body["max_tokens"]
    if body.get("stream"):
        chat |= {"stream": True, "stream_options": {"include_usage": True}}
    chat |= {name: body[name] for name in ("temperature", "top_p") if body.get(name) is not None}
    if body.get("stop_sequences"):
        chat["stop"] = list(body["stop_sequences"])
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
        with _within("thinking"):
            budget = _number(thinking["budget_tokens"])
        effort = "low" if budget <= 2048 else "medium" if budget <= 8192 else "high"
    if effort is not None and thinking.get("type") != "disabled":
        if effort not in _EFFORTS:
            raise InvalidRequest(f"There is no effort {effort!r}.", param="output_config.effort")
        found["reasoning_effort"] = effort
    form = config.get("format")
    if form:
        with _within("output_config.format"):
            if form["type"] != "json_schema":
                raise InvalidRequest("A format is a 'json_schema'.", param="output_config.format.type")
            schema = {"name": "answer", "schema": form["schema"]}
        found["response_format"] = {"type": "json_schema", "json_schema": schema}
    return found


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError("a number is one")
    return value


def _tools(body: Mapping[str, Any]) -> dict[str, Any]:
    tools: list[dict[str, Any]] = []
    found: dict[str, Any] = {}
    for place, tool in enumerate(body.get("tools") or ()):
        where = f"tools.{place}"
        with _within(where):
            kind = tool.get("type") or "custom"
            if kind == "custom":
                tools.append(_tool(tool, where))
            elif kind.startswith("web_search_"):
                found["web_search_options"] = _search(tool)
            else:
                raise UnsupportedFeature(f"This server has no tool of the type '{kind}'.", param=f"{where}.type")
    chosen = _choice(body.get("tool_choice") or {})
    # A choice among nothing is none, and upstreams refuse it.
    return {**found, "tools": tools, **chosen} if tools else found


def _choice(choice: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    match choice.get("type"):
        case "auto" | "none":
            found["tool_choice"] = choice["type"]
        case "any":
            found["tool_choice"] = "required"
        case "tool":
            with _within("tool_choice"):
                found["tool_choice"] = {"type": "function", "function": {"name": _text(choice["name"])}}
        case None:
            pass
        case other:
            raise InvalidRequest(f"There is no choice of tools '{other}'.", param="tool_choice.type")
    if choice.get("disable_parallel_tool_use"):
        found["parallel_tool_calls"] = False
    return found


def _search(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A search that the model makes; where it may look stands as the Responses API has it."""
    place = tool.get("user_location") or {}
    near = {key: _text(value) for key, value in place.items() if key != "type" and value is not None}
    found: dict[str, Any] = {"user_location": {"type": "approximate", "approximate": near}} if near else {}
    filters = {name: tool[name] for name in ("allowed_domains", "blocked_domains") if tool.get(name)}
    return {**found, "filters": filters} if filters else found


def _tool(tool: Mapping[str, Any], where: str) -> dict[str, Any]:
    schema = tool["input_schema"]
    if not isinstance(schema, Mapping):
        raise InvalidRequest("A schema is an object.", param=f"{where}.input_schema")
    function: dict[str, Any] = {"name": _text(tool["name"]), "parameters": schema}
    function |= {name: tool[name] for name in ("description", "strict") if tool.get(name) is not None}
    return {"type": "function", "function": function, **_mark(tool)}


def _messages(message: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    """A message, with results of tools as messages of their own before it."""
    content = message["content"]
    match message["role"]:
        case "system":
            return [{"role": "system", "content": _texts(content, f"{where}.content")}]
        case "assistant":
            with _within(f"{where}.content"):
                return [_said([{"type": "text", "text": content}] if isinstance(content, str) else content)]
        case "user" if isinstance(content, str):
            return [{"role": "user", "content": content}]
        case "user":
            found: list[dict[str, Any]] = []
            parts: list[dict[str, Any]] = []
            for place, block in enumerate(_listed(content, f"{where}.content")):
                at = f"{where}.content.{place}"
                with _within(at):
                    if block["type"] == "tool_result":
                        result, seen = _result(block, at)
                        found.append(result)
                        parts += seen
                    else:
                        parts.append(_part(block, at))
            return [*found, {"role": "user", "content": parts}] if parts else found
    raise InvalidRequest("A role is 'user', 'assistant' or 'system'.", param=f"{where}.role")


def _listed(content: object, where: str) -> list[Any]:
    if not isinstance(content, list):
        raise InvalidRequest("Content is a text, or a list of blocks.", param=where)
    return content


def _result(block: Mapping[str, Any], where: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A tool's result, and what of it is no text and so has to be shown by the user."""
    content = block.get("content") or ""
    parts: list[dict[str, Any]] = []
    for place, one in enumerate([] if isinstance(content, str) else _listed(content, f"{where}.content")):
        with _within(f"{where}.content.{place}"):
            parts.append(_part(one, f"{where}.content.{place}"))
    texts = [part for part in parts if part["type"] == "text"]
    message = {
        "role": "tool",
        "tool_call_id": _text(block["tool_use_id"]),
        "content": content if isinstance(content, str) else texts or "",
        **({"is_error": True} if block.get("is_error") else {}),
        **_mark(block),
    }
    return message, [part for part in parts if part["type"] != "text"]


def _texts(content: str | Sequence[Mapping[str, Any]], where: str) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return content
    found = []
    for place, block in enumerate(_listed(content, where)):
        with _within(f"{where}.{place}"):
            found.append({"type": "text", "text": _text(block["text"]), **_mark(block)})
    return found


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is one")
    return value


def _part(block: Mapping[str, Any], where: str) -> dict[str, Any]:
    match block:
        case {"type": "text", "text": str(text)}:
            return {"type": "text", "text": text, **_mark(block)}
        case {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}:
            return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{data}"}, **_mark(block)}
        case {"type": "image", "source": {"type": "url", "url": str(url)}}:
            return {"type": "image_url", "image_url": {"url": url}, **_mark(block)}
        case {"type": "document", "source": source}:
            own = {name: block[name] for name in ("citations", "context") if block.get(name)}
            return {"type": "file", "file": _file(block, source, where), **own, **_mark(block)}
        case {"type": "search_result", "content": content}:
            text = "\n".join(part["text"] for part in content)
            return {"type": "text", "text": f"{block.get('title', '')}\n{block.get('source', '')}\n{text}".strip()}
    kind, source = block["type"], block.get("source")
    if kind in ("image", "document") and isinstance(source, Mapping):
        raise UnsupportedFeature(
            f"This server takes no {kind} of the source '{source['type']}'.", param=f"{where}.source"
        )
    raise UnsupportedFeature(f"This server takes no '{kind}' there.", param=where)


def _file(block: Mapping[str, Any], source: Mapping[str, Any], where: str) -> dict[str, Any]:
    named = {"filename": block["title"]} if block.get("title") else {}
    match source:
        case {"type": "base64", "media_type": kind, "data": data}:
            return {"file_data": f"data:{kind};base64,{data}", **named}
        case {"type": "text", "data": str(text)} | {"type": "content", "content": str(text)}:
            return {"file_data": _plain(text), **named}
        case {"type": "content", "content": list(blocks)} if all(one["type"] == "text" for one in blocks):
            return {"file_data": _plain("\n".join(_text(one["text"]) for one in blocks)), **named}
        case {"type": "url", "url": str(url)}:
            return {"file_data": url, **named}
        case {"type": "file", "file_id": str(identity)}:
            return {"file_id": identity}
    raise UnsupportedFeature(f"This server takes no document of the source '{source['type']}'.", param=where)


def _plain(text: str) -> str:
    return f"data:text/plain;base64,{base64.b64encode(text.encode()).decode()}"


def _said(blocks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
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
