"""Fireworks AI's API, where it differs from OpenAI's dialect: rankings, and fields that it refuses.

Fields as the types of its own library of July 2026 have them.
"""

from __future__ import annotations

import json

from dinrail_sdk.testing.dialect import Rendered, Request
from dinrail_sdk.testing.dialects.openai import OpenAIWire
from dinrail_sdk.testing.script import Asked, Ranking, Script

__all__ = ["FIREWORKS_WIRE", "FireworksWire"]


_REFUSED = frozenset({"prompt_cache_options", "prompt_cache_retention", "safety_identifier", "store", "verbosity"})
_MESSAGE = frozenset({"role", "content", "name", "reasoning_content", "tool_call_id", "tool_calls"})


class FireworksWire(OpenAIWire):
    """Fireworks' API: documents are plain texts, repeated unless that is refused, and results are called ``data``."""

    name = "Fireworks"

    def read(self, request: Request) -> Asked:
        if request.path.endswith("/chat/completions"):
            data = request.json
            unknown = _REFUSED & data.keys() | {
                key for message in data["messages"] for key in message.keys() - _MESSAGE
            }
            if unknown:
                raise ValueError(f"Extra inputs are not permitted, field: '{min(unknown)}'")
        if request.path.endswith("/rerank"):
            data = request.json
            if not all(isinstance(document, str) for document in data["documents"]):
                raise ValueError("documents are texts")
            data.setdefault("return_documents", True)
        return super().read(request)

    def say(self, script: Script, asked: Asked) -> Rendered:
        rendered = super().say(script, asked)
        if not isinstance(script, Ranking):
            return rendered
        said = json.loads(b"".join(rendered.pieces))
        said["data"] = said.pop("results")
        for result in said["data"]:
            if "document" in result:
                result["document"] = result["document"]["text"]
        return Rendered.whole(said | {"object": "list"})


FIREWORKS_WIRE = FireworksWire()
