"""Mistral's API, where it differs from OpenAI's dialect: strict about fields, and thinking inside the content."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dinrail_sdk.testing.dialect import Rendered, Request
from dinrail_sdk.testing.dialects.openai import OpenAIWire
from dinrail_sdk.testing.script import Asked, Script, Spoken

__all__ = ["MISTRAL_WIRE", "MistralWire"]

_REFUSED = frozenset(
    {
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "modalities",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "seed",
        "service_tier",
        "store",
        "stream_options",
        "top_logprobs",
        "user",
        "verbosity",
        "web_search_options",
    }
)
_MESSAGE = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls", "prefix"},
    "tool": {"role", "content", "tool_call_id", "name"},
}
_CALL_ID = re.compile(r"[a-zA-Z0-9]{9}")


class MistralWire(OpenAIWire):
    """Mistral's API as its OpenAPI description has it; fields that no description knows are let through."""

    name = "Mistral"

    def read(self, request: Request) -> Asked:
        if request.path.endswith("/chat/completions"):
            data = dict(request.json)
            if refused := _REFUSED & data.keys():
                raise ValueError(f"extra_forbidden: {sorted(refused)}")
            data["messages"] = [_message(message) for message in data["messages"]]
            if "random_seed" in data:
                data["seed"] = data.pop("random_seed")
            # Mistral tells the usage of every stream, and nobody needs to ask.
            data["stream_options"] = {"include_usage": True}
            return super().read(replace(request, body=json.dumps(data).encode()))
        if request.path.endswith("/embeddings"):
            data = dict(request.json)
            if "dimensions" in data or "user" in data:
                raise ValueError("extra_forbidden: dimensions, user")
            if "output_dimension" in data:
                data["dimensions"] = data.pop("output_dimension")
            return super().read(replace(request, body=json.dumps(data).encode()))
        return super().read(request)

    def say(self, script: Script, asked: Asked) -> Rendered:
        rendered = super().say(script, asked)
        if not isinstance(script, Spoken):
            return rendered
        if not rendered.streamed:
            return Rendered.whole(_spoken(json.loads(b"".join(rendered.pieces))))
        return replace(rendered, pieces=tuple(_edited(piece, _spoken) for piece in rendered.pieces))


MISTRAL_WIRE = MistralWire()


def _message(message: dict[str, Any]) -> dict[str, Any]:
    """A message as OpenAI's dialect has it; one that Mistral would refuse is refused."""
    if message["role"] not in _MESSAGE or (extra := message.keys() - _MESSAGE[message["role"]]):
        raise ValueError(f"extra_forbidden in a message: {sorted(extra) if message['role'] in _MESSAGE else 'role'}")
    for identity in [call["id"] for call in message.get("tool_calls") or ()] + [message.get("tool_call_id")]:
        if identity is not None and not _CALL_ID.fullmatch(identity):
            raise ValueError(f"Tool call id was {identity} but must be a-z, A-Z, 0-9, with a length of 9.")
    content = message.get("content")
    if not isinstance(content, list):
        return message
    thoughts = "".join(text["text"] for part in content if part["type"] == "thinking" for text in part["thinking"])
    spoken = [_part(part) for part in content if part["type"] != "thinking"]
    return message | {"content": spoken} | ({"reasoning": thoughts} if thoughts else {})


def _part(part: dict[str, Any]) -> dict[str, Any]:
    if extra := {"cache_control", "prompt_cache_breakpoint"} & part.keys():
        raise ValueError(f"extra_forbidden in a part: {sorted(extra)}")
    match part["type"]:
        case "input_audio":
            if not isinstance(part["input_audio"], str):
                raise ValueError("input_audio is a string")
            return {"type": "input_audio", "input_audio": {"data": part["input_audio"]}}
        case "document_url":
            return {"type": "file", "file": {"file_data": part["document_url"]}}
        case "file":
            return {"type": "file", "file": {"file_id": part["file_id"]}}
    return part


def _spoken(answer: dict[str, Any]) -> dict[str, Any]:
    """Thinking moves into the content, as a chunk of its own; calls lose what Mistral does not say."""
    for choice in answer["choices"]:
        said = choice.get("message") or choice.get("delta") or {}
        if thought := said.pop("reasoning_content", None):
            chunks = [{"type": "thinking", "thinking": [{"type": "text", "text": thought}]}]
            if said.get("content"):
                chunks.append({"type": "text", "text": said["content"]})
            said["content"] = chunks
        for call in said.get("tool_calls") or ():
            call.pop("type", None)
    return answer


def _edited(piece: bytes, edit: Callable[[dict[str, Any]], dict[str, Any]]) -> bytes:
    data = piece.removeprefix(b"data: ").strip()
    return b"data: %b\n\n" % json.dumps(edit(json.loads(data)), ensure_ascii=False).encode()
