"""Responses in OpenAI's dialect, read, whole and streamed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from dinrail_sdk.testing.dialect import Rendered
from dinrail_sdk.testing.script import Asked, AskedMessage, AskedTool, Say, Spoken, Tokens, ToolUse

__all__ = ["compacted", "counted", "failed", "read_response", "response"]

_CREATED = 1_700_000_000
_SEALED = "reasoning.encrypted_content"
_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def read_response(data: Mapping[str, Any]) -> Asked:
    """A request of ``POST /v1/responses``; what it includes, and its summary of thoughts, stand under ``extra``."""
    given = data.get("input")
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given or []
    form: Mapping[str, Any] = (data.get("text") or {}).get("format") or {}
    settings = {name: data[name] for name in ("temperature", "top_p") if data.get(name) is not None}
    if data.get("max_output_tokens") is not None:
        settings["max_tokens"] = data["max_output_tokens"]
    choice: Any = data.get("tool_choice")
    if isinstance(choice, dict):
        choice = f"={choice['name']}" if "name" in choice else None
    return Asked(
        api="responses",
        model=data.get("model", ""),
        stream=bool(data.get("stream")),
        wants_usage=True,
        messages=tuple(message for item in items for message in _message(item)),
        tools=tuple(
            AskedTool(name=tool["name"], description=tool.get("description"), parameters=tool.get("parameters"))
            for tool in data.get("tools") or ()
            if tool["type"] in ("function", "custom")
        ),
        tool_choice=choice,
        parallel=data.get("parallel_tool_calls"),
        schema=form.get("schema"),
        json_object=form.get("type") == "json_object",
        settings=settings,
        extra={
            "include": data.get("include") or [],
            "summary": (data.get("reasoning") or {}).get("summary"),
            "custom": [tool["name"] for tool in data.get("tools") or () if tool["type"] == "custom"],
        },
    )


def response(script: Spoken, asked: Asked) -> Rendered:
    """An answer of ``POST /v1/responses``: what the first choice says."""
    say = script.choices[0]
    reason = _INCOMPLETE.get(say.finish)
    done: dict[str, Any] = {
        "id": "resp_kit",
        "object": "response",
        "created_at": _CREATED,
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "error": None,
        "model": asked.model,
        "output": _items(say, asked),
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "metadata": {},
        "usage": _usage(script.usage) if script.usage is not None else None,
        **script.extra,
    }
    if not asked.stream:
        return Rendered.whole(done)
    begun: dict[str, Any] = {**done, "status": "in_progress", "output": [], "usage": None}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    for index, item in enumerate(done["output"]):
        events += ({**event, "output_index": index} for event in _events(item, say.piece))
    events.append({"type": f"response.{done['status']}", "response": done})
    frames = [_frame({**event, "sequence_number": number}) for number, event in enumerate(events)]
    return Rendered(pieces=tuple(frames), content_type="text/event-stream; charset=utf-8", streamed=True)


def counted(script: Spoken) -> Rendered:
    """An answer of ``POST /v1/responses/input_tokens``: what the answer would have cost."""
    tokens = script.usage.prompt if script.usage is not None else 0
    return Rendered.whole({"object": "response.input_tokens", "input_tokens": tokens})


def compacted(script: Spoken) -> Rendered:
    """An answer of ``POST /v1/responses/compact``: what the first choice says is a user's message that is kept."""
    text = {"type": "input_text", "text": script.choices[0].text or ""}
    message = {"type": "message", "id": "msg_kit", "role": "user", "status": "completed", "content": [text]}
    left = {"type": "compaction", "id": "cmp_kit", "encrypted_content": "gAAAA-compacted"}
    done: dict[str, Any] = {"id": "resp_kit", "object": "response.compaction", "created_at": _CREATED}
    return Rendered.whole({**done, "output": [message, left], "usage": _usage(script.usage or Tokens())})


def failed(error: object) -> bytes:
    """The frame by which a stream tells that the response has failed."""
    return _frame({"type": "response.failed", "response": {"status": "failed", "error": error, "output": []}})


def _message(item: Mapping[str, Any]) -> list[AskedMessage]:
    kind = item.get("type", "message")
    if kind in _CALLS:
        call = ToolUse(id=item["call_id"], name=item["name"], arguments=item[_CALLS[kind]])
        return [AskedMessage(role="assistant", calls=(call,))]
    if kind.endswith("_call_output"):
        return [AskedMessage(role="tool", text=_text(item["output"]), answers=item["call_id"])]
    if kind != "message":
        return []
    parts = [] if isinstance(item["content"], str) else item["content"]
    images = tuple(part["image_url"] for part in parts if part["type"] == "input_image")
    files = tuple(part.get("file_data") or part["file_url"] for part in parts if part["type"] == "input_file")
    return [AskedMessage(role=item["role"], text=_text(item["content"]), images=images, files=files)]


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content if "text" in part)


def _items(say: Say, asked: Asked) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if say.reasoning is not None:
        thought: dict[str, Any] = {"type": "reasoning", "id": "rs_kit", "summary": []}
        if asked.extra["summary"]:
            thought["summary"] = [{"type": "summary_text", "text": say.reasoning}]
        else:
            thought["content"] = [{"type": "reasoning_text", "text": say.reasoning}]
        if say.sealed is not None and _SEALED in asked.extra["include"]:
            thought["encrypted_content"] = say.sealed
        items.append(thought)
    items += (dict(item) for item in say.items)
    content: list[dict[str, Any]] = []
    if say.text is not None:
        content.append({"type": "output_text", "text": say.text, "annotations": [], "logprobs": []})
    if say.refusal is not None:
        content.append({"type": "refusal", "refusal": say.refusal})
    if content:
        status = "incomplete" if say.finish in _INCOMPLETE else "completed"
        items.append({"type": "message", "id": "msg_kit", "status": status, "role": "assistant", "content": content})
    return items + [_call(number, call, asked) for number, call in enumerate(say.calls)]


def _call(number: int, call: ToolUse, asked: Asked) -> dict[str, Any]:
    same = {"id": f"fc_kit{number}", "call_id": call.id, "name": call.name, "status": "completed"}
    if call.name in asked.extra["custom"]:
        return {"type": "custom_tool_call", **same, "input": json.loads(call.arguments)["input"]}
    return {"type": "function_call", **same, "arguments": call.arguments}


def _events(item: Mapping[str, Any], size: int) -> Iterator[dict[str, Any]]:
    kind, same = item["type"], {"item_id": item["id"]}
    if kind in _CALLS:
        field = _CALLS[kind]
        name = "function_call_arguments" if field == "arguments" else "custom_tool_call_input"
        yield {"type": "response.output_item.added", "item": {**item, "status": "in_progress", field: ""}}
        for piece in _cut(item[field], size):
            yield {"type": f"response.{name}.delta", **same, "delta": piece, "obfuscation": "abc"}
        yield {"type": f"response.{name}.done", **same, field: item[field]}
    elif kind == "reasoning":
        begun = {name: [] if isinstance(value, list) else value for name, value in item.items()}
        yield {"type": "response.output_item.added", "item": {**begun, "status": "in_progress"}}
        yield from _parts(item["summary"], "summary_index", "response.reasoning_summary_part", size, same)
        yield from _parts(item.get("content", ()), "content_index", "response.content_part", size, same)
    elif kind == "message":
        yield {"type": "response.output_item.added", "item": {**item, "status": "in_progress", "content": []}}
        yield from _parts(item["content"], "content_index", "response.content_part", size, same)
    else:
        yield {"type": "response.output_item.added", "item": {**item, "status": "in_progress"}}
        yield {"type": f"response.{kind}.in_progress", **same}
        yield {"type": f"response.{kind}.completed", **same}
    yield {"type": "response.output_item.done", "item": item}


_DELTAS = {
    "summary_text": "response.reasoning_summary_text",
    "reasoning_text": "response.reasoning_text",
    "output_text": "response.output_text",
    "refusal": "response.refusal",
}


def _parts(parts: Any, index: str, part_event: str, size: int, same: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for number, part in enumerate(parts):
        here: dict[str, Any] = {**same, index: number}
        field = "refusal" if part["type"] == "refusal" else "text"
        odds: dict[str, Any] = {"logprobs": []} if part["type"] == "output_text" else {}
        yield {"type": f"{part_event}.added", **here, "part": {**part, field: ""}}
        for piece in _cut(part[field], size):
            yield {"type": f"{_DELTAS[part['type']]}.delta", **here, "delta": piece, "obfuscation": "abc", **odds}
        yield {"type": f"{_DELTAS[part['type']]}.done", **here, field: part[field], **odds}
        yield {"type": f"{part_event}.done", **here, "part": part}


def _cut(text: str, size: int) -> Iterator[str]:
    for at in range(0, len(text), size):
        yield text[at : at + size]


def _usage(tokens: Tokens) -> dict[str, Any]:
    return {
        "input_tokens": tokens.prompt,
        "input_tokens_details": {"cached_tokens": tokens.cached or 0},
        "output_tokens": tokens.completion,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning or 0},
        "total_tokens": tokens.total,
    }


def _frame(event: Mapping[str, Any]) -> bytes:
    data = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), data)
