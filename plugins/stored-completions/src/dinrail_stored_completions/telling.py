"""Between what is on the wire and what is in the rows: pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from dinrail_core.api.chat.request import ChatRequest

__all__ = ["answer_of", "answer_text", "label", "labels_of", "listed", "messages_text", "told", "told_messages"]

_ASKED = (
    "tools",
    "tool_choice",
    "response_format",
    "seed",
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
)
"""What OpenAI tells of the request beside a stored answer, null where the request did not say it."""
_ADDED = frozenset({"request_id", "input_user", *_ASKED})
_OF_EVERY_MESSAGE = {"content": None, "refusal": None, "name": None}


def answer_text(request: ChatRequest, answer: Mapping[str, Any], request_id: str) -> str:
    """The JSON text of an answer with what was asked of it, without metadata."""
    asked = request.model_dump(mode="json", include={*_ASKED, "user"})
    whole = {name: value for name, value in answer.items() if name != "metadata"}
    whole["request_id"] = request_id
    whole["input_user"] = asked.get("user")
    whole.update({name: asked.get(name) for name in _ASKED})
    return orjson.dumps(whole).decode()


def messages_text(request: ChatRequest) -> str:
    """The JSON text of the messages, as they were sent."""
    return orjson.dumps(request.model_dump(mode="json", include={"messages"})["messages"]).decode()


def label(key: str, value: str) -> str:
    """A pair of metadata, in one line of ASCII."""
    return json.dumps([key, value], separators=(",", ":"))


def labels_of(metadata: object) -> str:
    """A request's metadata; empty where there are none."""
    pairs = metadata.items() if isinstance(metadata, dict) else ()
    lines = [f"{label(key, value)}\n" for key, value in pairs]
    return "\n" + "".join(lines) if lines else ""


def told(row: Mapping[Any, Any]) -> bytes:
    """A stored completion's JSON text."""
    metadata = dict(orjson.loads(line) for line in row["labels"].split("\n") if line)
    body: str = row["body"]
    return body[:-1].encode() + b',"metadata":' + orjson.dumps(metadata) + b"}"


def answer_of(row: Mapping[Any, Any]) -> bytes:
    """The JSON text of an answer as it was given."""
    return orjson.dumps({name: value for name, value in orjson.loads(row["body"]).items() if name not in _ADDED})


def told_messages(completion_id: str, text: str) -> Sequence[Mapping[str, Any]]:
    """The messages of a completion, each with its id."""
    return [
        {"id": f"{completion_id}-{number}", **_OF_EVERY_MESSAGE, **message, **_content(message)}
        for number, message in enumerate(orjson.loads(text))
    ]


def listed(ids: Sequence[str], texts: Sequence[bytes], *, more: bool) -> bytes:
    """The JSON text of a page, of the JSON texts of what is on it."""
    ends = orjson.dumps({"first_id": ids[0] if ids else "", "last_id": ids[-1] if ids else "", "has_more": more})
    return b'{"object":"list","data":[' + b",".join(texts) + b"]," + ends[1:]


def _content(message: Mapping[str, Any]) -> Mapping[str, Any]:
    content = message.get("content")
    return {"content": None, "content_parts": content} if isinstance(content, list) else {"content_parts": None}
