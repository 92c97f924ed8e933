"""Together AI, where it differs from the plain relay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelInfo
from dinrail_core.api.rerank import Reranker
from dinrail_sdk.openai import OpenAIDialect
from dinrail_sdk.openai.requests import instructions_as_system, older_limit
from dinrail_sdk.upstream import Responding, Upstream

__all__ = ["Together"]

_TALKS: frozenset[type] = frozenset({ChatModel, CompletionModel})
_KINDS: Mapping[str, frozenset[type]] = {
    "chat": _TALKS,
    "moderation": _TALKS,  # guard models, which are asked as chats are
    "language": frozenset({CompletionModel}),
    "code": frozenset({CompletionModel}),
    "embedding": frozenset({Embedder}),
    "rerank": frozenset({Reranker}),
}
"""What Together calls ``type``."""


class Together(OpenAIDialect):
    """Together AI's hosted models."""

    def __init__(self, upstream: Upstream, *, responses: Responding = None) -> None:
        super().__init__(upstream, responses=responses, reword=_natural_end)

    def chat_request(self, request: ChatRequest) -> ChatRequest:
        """Together's specification knows ``max_tokens`` and ``system`` alone."""
        return older_limit(instructions_as_system(request))

    def listed(self, model: ModelInfo, entry: Mapping[str, Any]) -> ModelInfo | None:
        """What a model is for; images, sound and video are served elsewhere."""
        kind = entry.get("type")
        if not isinstance(kind, str):
            return model
        return replace(model, contracts=_KINDS[kind]) if kind in _KINDS else None


def _natural_end(found: dict[str, Any]) -> bool:
    """``eos`` is how some of Together's models say that they came to a natural end."""
    changed = False
    for choice in found["choices"]:
        if choice.get("finish_reason") == "eos":
            choice["finish_reason"] = "stop"
            changed = True
    return changed
