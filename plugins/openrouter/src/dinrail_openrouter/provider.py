"""OpenRouter, where it differs from the plain relay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelInfo
from dinrail_core.api.rerank import Reranker
from dinrail_sdk.openai import OpenAIDialect

__all__ = ["OpenRouter"]

_BY_OUTPUT: Mapping[str, frozenset[type]] = {
    "text": frozenset({ChatModel, CompletionModel}),
    "embeddings": frozenset({Embedder}),
    "rerank": frozenset({Reranker}),
}


class OpenRouter(OpenAIDialect):
    """The models of many providers."""

    listing: ClassVar[str] = "models?output_modalities=all"

    def listed(self, model: ModelInfo, entry: Mapping[str, Any]) -> ModelInfo | None:
        """What a model is for follows from what it gives."""
        architecture = entry.get("architecture")
        outputs = architecture.get("output_modalities") if isinstance(architecture, Mapping) else None
        if not isinstance(outputs, list):
            return model
        served = [_BY_OUTPUT[output] for output in outputs if isinstance(output, str) and output in _BY_OUTPUT]
        return replace(model, contracts=frozenset().union(*served)) if served else None
