"""Databricks' serving endpoints: OpenAI's dialect, listed by the workspace, with thoughts among the content.

Requests and content as its "Foundation model REST API reference" has them; that unknown fields are refused, its SDK's
issue 1263 shows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from dinrail_sdk.testing.dialect import Rendered, Request
from dinrail_sdk.testing.dialects.openai import OpenAIWire
from dinrail_sdk.testing.script import Asked, Listing, Refused, Script, Spoken

__all__ = ["DATABRICKS_WIRE", "DatabricksWire"]

_LISTING = "/api/2.0/serving-endpoints"
_REFUSED = frozenset(
    {
        "max_completion_tokens",
        "metadata",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "store",
    }
)
_MESSAGE = frozenset({"role", "content", "name", "tool_calls", "tool_call_id"})


class DatabricksWire(OpenAIWire):
    """A workspace: models are endpoints that are ready, and its times are in milliseconds."""

    name = "Databricks"
    prefix = "/serving-endpoints"
    lacks: ClassVar[Mapping[str, str]] = {
        "content_filter": "there is no code for it",
        "thoughts": "they are taken back as their maker has marked them alone",
    }

    def read(self, request: Request) -> Asked:
        if request.path == f"{self.prefix}/models":
            raise LookupError(request.path)
        if request.path == f"{self.prefix}/chat/completions":
            data = request.json
            if unknown := _REFUSED & data.keys():
                raise ValueError(f'json: unknown field "{min(unknown)}"')
            data["messages"] = [_message(message) for message in data["messages"]]
            if any("parameters" not in tool["function"] for tool in data.get("tools") or ()):
                raise ValueError('"parameters" is a required property for "function" object in parameter "tools"')
            request = replace(request, body=json.dumps(data).encode())
        return super().read(replace(request, path="/models") if request.path == _LISTING else request)

    def error(self, refused: Refused) -> dict[str, object]:
        """Two fields, without ``error``."""
        code = "ENDPOINT_NOT_FOUND" if refused.code == "model_not_found" else "BAD_REQUEST"
        return {"error_code": code, "message": refused.message}

    def say(self, script: Script, asked: Asked) -> Rendered:
        if isinstance(script, Spoken):
            rendered = super().say(script, asked)
            if not rendered.streamed:
                return Rendered.whole(_spoken(json.loads(b"".join(rendered.pieces))))
            return replace(rendered, pieces=tuple(_spoken_event(piece) for piece in rendered.pieces))
        if not isinstance(script, Listing):
            return super().say(script, asked)
        endpoints = [
            {
                "id": f"{number:032x}",
                "name": model.id,
                "creator": model.owned_by,
                "creation_timestamp": model.created * 1000,
                "state": {"ready": "READY", "config_update": "NOT_UPDATING"},
                "task": "llm/v1/chat",
            }
            for number, model in enumerate(script.models)
        ]
        return Rendered.whole({"endpoints": endpoints})


DATABRICKS_WIRE = DatabricksWire()


def _message(message: dict[str, Any]) -> dict[str, Any]:
    """A message as OpenAI's dialect has it; one that Databricks would refuse is refused."""
    if message["role"] not in ("system", "user", "assistant", "tool"):
        raise ValueError(f"unknown role: {message['role']}")
    if unknown := message.keys() - _MESSAGE:
        raise ValueError(f"json: unknown field: {sorted(unknown)}")
    content = message.get("content")
    for part in content if isinstance(content, list) else ():
        if part["type"] == "text" and (unknown := part.keys() - {"type", "text"}):
            raise ValueError(f"json: unknown field: {sorted(unknown)}")
    if not isinstance(content, list):
        return message
    return message | {"content": [part for part in content if part["type"] != "reasoning"]}


def _spoken(answer: dict[str, Any]) -> dict[str, Any]:
    """Thoughts move into the content, as an item of its own."""
    for choice in answer["choices"]:
        said = choice.get("message") or choice.get("delta") or {}
        if thought := said.pop("reasoning_content", None):
            items = [{"type": "reasoning", "summary": [{"type": "summary_text", "text": thought}]}]
            said["content"] = items + ([{"type": "text", "text": said["content"]}] if said.get("content") else [])
    return answer


def _spoken_event(piece: bytes) -> bytes:
    data = piece.removeprefix(b"data: ").strip()
    return b"data: %b\n\n" % json.dumps(_spoken(json.loads(data)), ensure_ascii=False).encode()
