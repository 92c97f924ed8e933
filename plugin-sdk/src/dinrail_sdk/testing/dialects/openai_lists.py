"""Embeddings, rankings, moderations and models in OpenAI's dialect."""

from __future__ import annotations

import base64
import struct
from typing import Any

from dinrail_core.api.moderations import Categories
from dinrail_sdk.testing.dialect import Rendered
from dinrail_sdk.testing.script import Asked, Listing, Ranking, Vectors, Verdict, Verdicts

__all__ = ["CATEGORIES", "embeddings", "models", "moderation", "ranking"]

CATEGORIES = tuple(field.alias or name for name, field in Categories.model_fields.items())
"""The categories as they stand on the wire."""


def embeddings(script: Vectors, asked: Asked) -> Rendered:
    """An answer of ``POST /v1/embeddings``."""
    data = [
        {"object": "embedding", "index": index, "embedding": _vector(vector, as_base64=asked.base64)}
        for index, vector in enumerate(script.vectors)
    ]
    if script.shuffled:
        data = data[1::2] + data[::2]
    usage = {"prompt_tokens": script.usage.prompt, "total_tokens": script.usage.prompt}
    return Rendered.whole({"object": "list", "data": data, "model": asked.model, "usage": usage, **script.extra})


def ranking(script: Ranking, asked: Asked) -> Rendered:
    """An answer of ``POST /v1/rerank``."""
    results: list[dict[str, Any]] = [
        {"index": index, "relevance_score": score} for index, score in enumerate(script.scores)
    ]
    if asked.returns_documents:
        for result, text in zip(results, asked.inputs, strict=False):
            result["document"] = {"text": text}
    if not script.unsorted:
        results.sort(key=lambda result: -result["relevance_score"])
        results = results[: asked.top_n]
    data: dict[str, Any] = {"id": "rerank-kit", "model": asked.model, "results": results, **script.extra}
    if script.usage is not None:
        data["usage"] = {"prompt_tokens": script.usage.prompt, "total_tokens": script.usage.prompt}
    return Rendered.whole(data)


def moderation(script: Verdicts, asked: Asked) -> Rendered:
    """An answer of ``POST /v1/moderations``."""
    results = [_verdict(verdict) for verdict in script.verdicts]
    return Rendered.whole({"id": "modr-kit", "model": asked.model, "results": results, **script.extra})


def models(script: Listing) -> Rendered:
    """An answer of ``GET /v1/models``; ``max_model_len`` is vLLM's word for the context's length."""
    data: list[dict[str, Any]] = []
    for model in script.models:
        entry: dict[str, Any] = {
            "id": model.id,
            "object": "model",
            "created": model.created,
            "owned_by": model.owned_by,
        }
        if model.context_length is not None:
            entry["max_model_len"] = model.context_length
        data.append(entry)
    return Rendered.whole({"object": "list", "data": data})


def _vector(vector: tuple[float, ...], *, as_base64: bool) -> list[float] | str:
    if as_base64:
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    return list(vector)


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "flagged": bool(verdict.violated),
        "categories": {name: name in verdict.violated for name in CATEGORIES},
        "category_scores": {name: verdict.scores.get(name, 0.0) for name in CATEGORIES},
        "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
    }
