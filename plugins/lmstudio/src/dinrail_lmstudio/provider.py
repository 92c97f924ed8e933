"""LM Studio, where it differs from the plain relay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelInfo
from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.openai import OpenAIDialect

__all__ = ["LMStudio"]

_KINDS: Mapping[str, frozenset[type]] = {
    "llm": frozenset({ChatModel, CompletionModel}),
    "vlm": frozenset({ChatModel, CompletionModel}),
    "embeddings": frozenset({Embedder}),
}


class LMStudio(OpenAIDialect):
    """Models on somebody's own machine."""

    async def models(self) -> Sequence[ModelInfo]:
        """See :meth:`ModelSource.models`; a version before 0.3.6 knows OpenAI's list alone."""
        try:
            text = await self.upstream.get("/api/v0/models", Call())
            return self.read_list(text)
        except UpstreamInvalid:
            return await super().models()

    def listed(self, model: ModelInfo, entry: Mapping[str, Any]) -> ModelInfo | None:
        """What a model is for, and who made it."""
        kind, publisher = entry.get("type"), entry.get("publisher")
        if isinstance(publisher, str) and publisher:
            model = replace(model, owned_by=publisher)
        return replace(model, contracts=_KINDS[kind]) if isinstance(kind, str) and kind in _KINDS else model
