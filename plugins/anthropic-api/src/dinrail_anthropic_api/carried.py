"""Thoughts of other makers' models, carried through clients that know Anthropic's alone.

Such a client gives back thinking blocks with their signature, and redacted ones with their data, without looking at
either. So what another maker wants back of a thought travels in there, behind a mark of ours.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import orjson

__all__ = ["FORM", "block_of", "detail_of"]

FORM = "anthropic-claude-v1"
"""Whose thoughts go through as they are."""

_MARK = "dinrail:"


def block_of(detail: Mapping[str, Any]) -> dict[str, Any]:
    """A detail of a chat's reasoning as a block that a client of Anthropic's keeps."""
    readable = detail.get("text", detail.get("summary"))
    ours = detail.get("format") == FORM
    if isinstance(readable, str):
        kept = {key: value for key, value in detail.items() if key not in ("text", "summary")}
        signature = detail.get("signature") or "" if ours else _packed(kept)
        return {"type": "thinking", "thinking": readable, "signature": signature}
    return {"type": "redacted_thinking", "data": detail.get("data") or "" if ours else _packed(detail)}


def detail_of(block: Mapping[str, Any], place: int) -> dict[str, Any] | None:
    """The detail that a block was made of, or Anthropic's own; ``None`` for a thought that nobody signed."""
    if block["type"] == "redacted_thinking":
        own = {"type": "reasoning.encrypted", "data": block["data"], "format": FORM, "index": place}
        return _unpacked(block["data"]) or own
    signature = block.get("signature") or ""
    carried = _unpacked(signature)
    if carried is not None:
        name = "summary" if carried.get("type") == "reasoning.summary" else "text"
        return {**carried, name: block["thinking"]}
    if not signature:
        return None
    return {
        "type": "reasoning.text",
        "text": block["thinking"],
        "signature": signature,
        "format": FORM,
        "index": place,
    }


def _packed(detail: Mapping[str, Any]) -> str:
    return _MARK + base64.urlsafe_b64encode(orjson.dumps(detail)).decode()


def _unpacked(text: str) -> dict[str, Any] | None:
    if not text.startswith(_MARK):
        return None
    try:
        found = orjson.loads(base64.urlsafe_b64decode(text.removeprefix(_MARK)))
    except (binascii.Error, ValueError):
        return None
    return found if isinstance(found, dict) else None
