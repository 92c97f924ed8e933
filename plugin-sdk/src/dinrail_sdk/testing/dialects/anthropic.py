"""Anthropic's Messages API, as its documentation and its clients of 2026 have it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import parse_qs

from dinrail_sdk.testing.dialect import Dialect, Rendered, Request
from dinrail_sdk.testing.script import (
    Api,
    Asked,
    AskedMessage,
    AskedTool,
    Listing,
    Refused,
    Say,
    Script,
    Spoken,
    Tokens,
    ToolUse,
)

__all__ = ["ANTHROPIC_WIRE", "AnthropicWire"]

_KNOWN = frozenset(
    {
        "cache_control",
        "container",
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "output_config",
        "service_tier",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    }
)
_STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class AnthropicWire(Dialect):
    """``/v1/messages`` and ``/v1/models``, strict about what every request must have."""

    name = "Anthropic"
    lacks: ClassVar[Mapping[str, str]] = {
        "content_filter": "what is filtered is a reason to stop",
        "thoughts": "they are taken back as their maker has marked them alone",
        "n": "a message is one answer",
        "logprobs": "none are told",
        "seed": "there is none",
        "penalties": "there are none",
        "json_object": "JSON is written by a schema alone",
        "audio_input": "the models take no sound",
        "refusals": "a refusal is a reason to stop",
        "model_details": "no owner is told",
    }
    always_sends = frozenset({"max_tokens"})

    def read(self, request: Request) -> Asked:
        path, _, query = request.path.partition("?")
        api: Api | None = {("POST", "/v1/messages"): "chat", ("GET", "/v1/models"): "models"}.get(  # type: ignore[assignment]  # the values are literals
            (request.method, path)
        )
        if api is None:
            raise LookupError(path)
        if "anthropic-version" not in request.headers:
            raise ValueError("anthropic-version: header is required")
        if api == "models":
            return Asked(api=api, extra={name: values[0] for name, values in parse_qs(query).items()})
        return _read(request.json)

    def say(self, script: Script, asked: Asked) -> Rendered:
        match script:
            case Spoken() if asked.stream:
                return Rendered(
                    pieces=tuple(_events(script, asked)),
                    content_type="text/event-stream; charset=utf-8",
                    tail=_event({"type": "message_stop"}),
                    streamed=True,
                )
            case Spoken():
                return Rendered.whole(_message(script, asked))
            case Listing():
                return _models(script, asked)
            case Refused():
                return self.refuse(script)
        raise TypeError(f"Anthropic has no {type(script).__name__}.")

    def refuse(self, refused: Refused) -> Rendered:
        headers = {"Retry-After": str(refused.retry_after)} if refused.retry_after is not None else {}
        if refused.text is not None:
            body = refused.text.encode()
            return Rendered(pieces=(body,), status=refused.status, content_type="text/plain", headers=headers)
        return Rendered.whole(_error(refused), status=refused.status, headers=headers)

    def disturb(self, piece: bytes) -> bytes:
        ping = b'event: ping\r\ndata: {"type": "ping"}\r\n\r\n'
        return b": hello\r\n\r\n" + ping + piece.replace(b"data: ", b"data:").replace(b"\n", b"\r\n")

    def fail_midway(self, refused: Refused, asked: Asked) -> bytes | None:
        return _event(_error(refused))

    def credentials(self, request: Request) -> str | None:
        return request.headers.get("x-api-key") or super().credentials(request)


ANTHROPIC_WIRE = AnthropicWire()


def _error(refused: Refused) -> dict[str, Any]:
    message = refused.message
    if refused.code == "context_length_exceeded":
        message = "prompt is too long: 5000 tokens > 4096 maximum"
    if refused.code == "model_not_found":
        message = "model: kit"
    kind = _TYPES.get(refused.status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_kit"}


def _read(data: Any) -> Asked:
    if not isinstance(data, dict) or not isinstance(data.get("max_tokens"), int):
        raise ValueError("max_tokens: Field required")
    choice = data.get("tool_choice") or {}
    settings = {name: data[name] for name in ("temperature", "top_p", "max_tokens") if name in data}
    if "stop_sequences" in data:
        settings["stop"] = data["stop_sequences"]
    messages = [one for message in data["messages"] for one in _messages(message)]
    if "system" in data:
        messages.insert(0, _said("system", data["system"]))
    form = (data.get("output_config") or {}).get("format") or {}
    return Asked(
        api="chat",
        model=data["model"],
        stream=bool(data.get("stream")),
        wants_usage=True,
        messages=tuple(messages),
        tools=tuple(
            AskedTool(name=tool["name"], description=tool.get("description"), parameters=tool["input_schema"])
            for tool in data.get("tools") or ()
            if "input_schema" in tool
        ),
        tool_choice={"any": "required", "tool": f"={choice.get('name')}"}.get(
            choice.get("type", ""), choice.get("type")
        ),
        parallel=False if choice.get("disable_parallel_tool_use") else None,
        schema=form.get("schema"),
        settings=settings,
        extra={key: value for key, value in data.items() if key not in _KNOWN},
    )


def _messages(message: Mapping[str, Any]) -> Iterator[AskedMessage]:
    """A message, with results of tools as messages of their own."""
    if message["role"] not in ("user", "assistant", "system"):
        raise ValueError(f"messages: unexpected role {message['role']}")
    content = message["content"]
    results = [] if isinstance(content, str) else [block for block in content if block["type"] == "tool_result"]
    for block in results:
        if message["role"] != "user":
            raise ValueError("tool_result blocks can only be in user messages")
        told = _said("tool", block.get("content") or "")
        yield AskedMessage(role="tool", text=told.text, answers=block["tool_use_id"])
    rest = content if isinstance(content, str) else [block for block in content if block["type"] != "tool_result"]
    if rest:
        yield _said(message["role"], rest)
    elif not results:
        raise ValueError("messages: text content blocks must be non-empty")


def _said(role: str, content: str | list[dict[str, Any]]) -> AskedMessage:
    blocks: list[dict[str, Any]] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    texts = [block["text"] for block in blocks if block["type"] == "text"]
    if not all(texts):
        raise ValueError("messages: text content blocks must be non-empty")
    return AskedMessage(
        role=role,
        text="\n".join(texts),
        images=tuple(_source(block["source"]) for block in blocks if block["type"] == "image"),
        files=tuple(_source(block["source"]) for block in blocks if block["type"] == "document"),
        calls=tuple(
            ToolUse(id=block["id"], name=block["name"], arguments=json.dumps(block["input"]))
            for block in blocks
            if block["type"] == "tool_use"
        ),
    )


def _source(source: Mapping[str, Any]) -> str:
    if source["type"] == "base64":
        return f"data:{source['media_type']};base64,{source['data']}"
    return str(source.get("url") or source.get("file_id") or source.get("data"))


def _head(asked: Asked) -> dict[str, Any]:
    return {
        "id": "msg_kit",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _message(script: Spoken, asked: Asked) -> dict[str, Any]:
    say = script.choices[0]
    told = {} if script.usage is None else {"usage": _usage(script.usage)}
    about = {"content": [*_blocks(say)], "stop_reason": _STOPS.get(say.finish, say.finish)}
    return {**_head(asked), **about, **told, **script.extra}


def _blocks(say: Say) -> Iterator[dict[str, Any]]:
    if say.reasoning is not None:
        yield {"type": "thinking", "thinking": say.reasoning, "signature": "c2lnbmVk"}
    if say.text:
        yield {"type": "text", "text": say.text}
    for call in say.calls:
        yield {"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.arguments)}


def _events(script: Spoken, asked: Asked) -> Iterator[bytes]:
    say, usage = script.choices[0], script.usage
    counts = {} if usage is None else _usage(usage)
    first = {**counts, "output_tokens": 1} if counts else {}
    message = _head(asked) | ({"usage": first} if first else {})
    yield _event({"type": "message_start", "message": message, **script.extra})
    for index, block in enumerate(_blocks(say)):
        empty: dict[str, Any] = {
            "text": {"text": ""},
            "thinking": {"thinking": "", "signature": ""},
            "tool_use": {"input": {}},
        }
        start = {"type": "content_block_start", "index": index, "content_block": block | empty[block["type"]]}
        yield _event({**start, **script.extra})
        for delta in _deltas(block, say):
            yield _event({"type": "content_block_delta", "index": index, "delta": delta, **script.extra})
        yield _event({"type": "content_block_stop", "index": index, **script.extra})
    end = {"stop_reason": _STOPS.get(say.finish, say.finish), "stop_sequence": None}
    last = {"usage": counts} if counts else {}
    yield _event({"type": "message_delta", "delta": end, **last, **script.extra})


def _deltas(block: Mapping[str, Any], say: Say) -> Iterator[dict[str, Any]]:
    match block["type"]:
        case "text":
            yield from ({"type": "text_delta", "text": piece} for piece in _cut(block["text"], say.piece))
        case "thinking":
            yield from ({"type": "thinking_delta", "thinking": piece} for piece in _cut(block["thinking"], say.piece))
            yield {"type": "signature_delta", "signature": block["signature"]}
        case "tool_use":
            text = json.dumps(block["input"], ensure_ascii=False)
            yield {"type": "input_json_delta", "partial_json": ""}
            if block["input"]:
                yield from ({"type": "input_json_delta", "partial_json": piece} for piece in _cut(text, say.piece))


def _cut(text: str, size: int) -> Iterator[str]:
    for at in range(0, len(text), size):
        yield text[at : at + size]


def _usage(tokens: Tokens) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "input_tokens": tokens.prompt - (tokens.cached or 0),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": tokens.cached or 0,
        "output_tokens": tokens.completion,
    }
    if tokens.reasoning is not None:
        usage["output_tokens_details"] = {"thinking_tokens": tokens.reasoning}
    return usage


def _models(script: Listing, asked: Asked) -> Rendered:
    """A page of the list: twenty models where nothing else is asked, a thousand at most."""
    limit = min(int(asked.extra.get("limit", 20)), 1000)
    names = [model.id for model in script.models]
    start = names.index(asked.extra["after_id"]) + 1 if "after_id" in asked.extra else 0
    page = script.models[start : start + limit]
    data = [
        {
            "type": "model",
            "id": model.id,
            "display_name": model.id.title(),
            "created_at": datetime.fromtimestamp(model.created, UTC).isoformat().replace("+00:00", "Z"),
            "max_input_tokens": model.context_length,
        }
        for model in page
    ]
    ends = {"first_id": page[0].id if page else None, "last_id": page[-1].id if page else None}
    return Rendered.whole({"data": data, "has_more": start + limit < len(names), **ends})


def _event(data: Mapping[str, Any]) -> bytes:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"event: {data['type']}\ndata: {text}\n\n".encode()
