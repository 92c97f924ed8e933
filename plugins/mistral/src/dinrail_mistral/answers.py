"""What Mistral answers, in OpenAI's words. Pure."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["in_openais_words"]


def in_openais_words(found: dict[str, Any]) -> bool:
    """Change an answer or a chunk in place, and say whether there was anything to change."""
    changed = False
    for choice in found["choices"]:
        if choice.get("finish_reason") == "model_length":
            choice["finish_reason"] = "length"
            changed = True
        said = choice.get("message") or choice.get("delta")
        if not isinstance(said, dict):
            continue
        if isinstance(said.get("content"), list):
            _unfold(said)
            changed = True
        if said.get("tool_calls"):
            changed |= _complete(said["tool_calls"], streamed="delta" in choice)
    return changed


def _unfold(said: dict[str, Any]) -> None:
    """Chunks become text and thought; what is neither stays beside them."""
    texts, thoughts, others = [], [], []
    for chunk in said.pop("content"):
        match chunk:
            case {"type": "text", "text": str(text)}:
                texts.append(text)
            case {"type": "thinking", "thinking": list(inner)}:
                thoughts += [part["text"] for part in inner if part.get("type") == "text"]
                if chunk.get("signature"):
                    said["reasoning_signature"] = chunk["signature"]
            case _:
                others.append(chunk)
    said["content"] = "".join(texts) if texts or not thoughts else None
    if thoughts:
        said["reasoning_content"] = "".join(thoughts)
    if others:
        said["content_chunks"] = others


def _complete(calls: list[dict[str, Any]], *, streamed: bool) -> bool:
    """Tool calls with what OpenAI's have always: a type, a place in streams, arguments as text."""
    changed = False
    for place, call in enumerate(calls):
        added: dict[str, Any] = {}
        if "type" not in call and (call.get("id") or not streamed):
            added["type"] = "function"
        if streamed and "index" not in call:
            added["index"] = place
        call.update(added)
        changed |= bool(added)
        function = call.get("function")
        if isinstance(function, dict) and isinstance(function.get("arguments"), dict):
            function["arguments"] = json.dumps(function["arguments"], ensure_ascii=False)
            changed = True
    return changed
