"""NVIDIA's NIM: OpenAI's dialect, with embeddings that want to know what for, and rankings of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from dinrail_sdk.testing.dialect import Rendered, Request
from dinrail_sdk.testing.dialects.openai import OpenAIWire
from dinrail_sdk.testing.script import Asked, Ranking, Refused, Script

__all__ = ["NVIDIA_WIRE", "NvidiaWire"]


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


class NvidiaWire(OpenAIWire):
    """NIM for language models and NeMo Retriever, in one server."""

    name = "NVIDIA NIM"
    lacks: ClassVar[Mapping[str, str]] = {"content_filter": "there is no code for it"}

    def read(self, request: Request) -> Asked:
        path = request.path
        if path.endswith("/rerank"):
            raise LookupError(path)
        if path.endswith("/chat/completions") and (unknown := _REFUSED & request.json.keys()):
            # As https://integrate.api.nvidia.com says it.
            raise ValueError(f"Validation: Unsupported parameter(s): {min(unknown)}")
        if path.endswith("/embeddings"):
            data = request.json
            if data.get("input_type") not in ("query", "passage") and not data["model"].endswith(
                ("-query", "-passage")
            ):
                raise ValueError("'input_type' parameter is required for asymmetric models")
        if path.endswith(("/ranking", "/reranking")):
            data = dict(request.json)
            data["query"] = data["query"]["text"]
            data["documents"] = [passage["text"] for passage in data.pop("passages")]
            return super().read(replace(request, path="/rerank", body=json.dumps(data).encode()))
        return super().read(request)

    def error(self, refused: Refused) -> dict[str, object]:
        """Problem details (RFC 9457), as the hosted models have them."""
        return {"type": "about:blank", "title": "Error", "status": refused.status, "detail": refused.message}

    def say(self, script: Script, asked: Asked) -> Rendered:
        if not isinstance(script, Ranking):
            return super().say(script, asked)
        ranks = [{"index": index, "logit": score} for index, score in enumerate(script.scores)]
        if not script.unsorted:
            ranks.sort(key=lambda rank: -rank["logit"])
        usage = script.usage
        tokens = {"usage": {"prompt_tokens": usage.prompt, "total_tokens": usage.prompt}} if usage else {}
        return Rendered.whole({"rankings": ranks, **tokens, **script.extra})


NVIDIA_WIRE = NvidiaWire()
