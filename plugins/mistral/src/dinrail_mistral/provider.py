"""Mistral, where it differs from the plain relay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest
from dinrail_core.api.provider import ModelInfo
from dinrail_core.api.wire import MISSING
from dinrail_mistral.answers import Rewording
from dinrail_mistral.requests import MistralChat, in_mistrals_words
from dinrail_sdk.openai import OpenAIDialect

__all__ = ["Mistral"]

_ELSEWHERE = ("ocr", "moderation", "classification", "audio_transcription", "audio_speech")
"""Capabilities of models that serve neither chat nor embeddings."""


class Mistral(OpenAIDialect):
    """Mistral's own models."""

    def rewording(self) -> Rewording:
        """See :class:`~dinrail_mistral.answers.Rewording`; thoughts of a stream are put together on the way."""
        return Rewording()

    def chat_request(self, request: ChatRequest) -> MistralChat:
        """See :func:`~dinrail_mistral.requests.in_mistrals_words`."""
        return in_mistrals_words(request)

    def embedding_request(self, request: EmbeddingRequest) -> EmbeddingRequest:
        """``dimensions`` have another name, and ``user`` is not known."""
        update: dict[str, object] = {"user": MISSING, "dimensions": MISSING}
        if request.dimensions is not MISSING:
            update["output_dimension"] = request.dimensions
        return request.model_copy(update=update)

    def listed(self, model: ModelInfo, entry: Mapping[str, Any]) -> ModelInfo | None:
        """What a model is for; that it embeds, only its name tells."""
        can = entry.get("capabilities")
        if not isinstance(can, Mapping):
            return model
        if can.get("completion_chat") is True:
            return replace(model, contracts=frozenset({ChatModel}))
        if any(can.get(capability) is True for capability in _ELSEWHERE):
            return None
        return replace(model, contracts=frozenset({Embedder})) if "embed" in model.id else model
