"""Text Embeddings Inference: one model, embeddings in OpenAI's dialect, rankings and the rest in its own."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from dinrail_sdk.testing.dialect import Rendered, Request
from dinrail_sdk.testing.dialects.openai import OpenAIWire
from dinrail_sdk.testing.script import Asked, Listing, Ranking, Refused, Script

__all__ = ["TEI_WIRE", "TeiWire"]

_PATHS = {"/v1/embeddings": "/embeddings", "/rerank": "/rerank", "/info": "/models"}

MOST = 32
"""Texts in one request; what ``--max-client-batch-size`` is by default."""


class TeiWire(OpenAIWire):
    """A TEI server of version 1.9, with the limits that it is started with by default."""

    name = "TEI"
    prefix = ""

    def read(self, request: Request) -> Asked:
        path = _PATHS.get(request.path)
        if path is None:
            raise LookupError(request.path)
        if path == "/models":
            return super().read(replace(request, path=path))
        data = dict(request.json)
        texts = data["texts"] if path == "/rerank" else data["input"]
        if isinstance(texts, list) and not all(isinstance(text, int) for text in texts) and len(texts) > MOST:
            raise ValueError(f"batch size {len(texts)} > maximum allowed batch size {MOST}")
        if path == "/rerank":
            data |= {"documents": data.pop("texts"), "return_documents": data.pop("return_text", False)}
        return super().read(replace(request, path=path, body=json.dumps(data).encode()))

    def say(self, script: Script, asked: Asked) -> Rendered:
        if isinstance(script, Ranking):
            ranks: list[dict[str, Any]] = [
                {"index": index, "score": score} for index, score in enumerate(script.scores)
            ]
            if asked.returns_documents:
                for rank, text in zip(ranks, asked.inputs, strict=False):
                    rank["text"] = text
            return Rendered.whole(ranks if script.unsorted else sorted(ranks, key=lambda rank: -rank["score"]))
        if isinstance(script, Listing):
            model = script.models[0]
            return Rendered.whole(
                {
                    "model_id": model.id,
                    "served_model_name": model.id,
                    "model_dtype": "float16",
                    "model_type": {"embedding": {"pooling": "mean"}},
                    "max_concurrent_requests": 512,
                    "max_input_length": model.context_length or 512,
                    "max_batch_tokens": 16384,
                    "max_client_batch_size": MOST,
                    "auto_truncate": False,
                    "tokenization_workers": 2,
                    "version": "1.9.3",
                }
            )
        return super().say(script, asked)

    def refuse(self, refused: Refused) -> Rendered:
        rendered = super().refuse(refused)
        if refused.text is not None:
            return rendered
        error = {"error": refused.message, "error_type": "Validation" if refused.status < 500 else "Backend"}
        return Rendered.whole(error, status=refused.status, headers=rendered.headers)


TEI_WIRE = TeiWire()
