"""Fireworks AI, where it differs from the plain relay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelInfo
from dinrail_core.api.rerank import RerankRequest, RerankResponse, RerankResult, RerankUsage
from dinrail_core.api.wire import MISSING, Wire
from dinrail_sdk.openai import OpenAIDialect
from dinrail_sdk.openai.ranking import ranked, texts_of
from dinrail_sdk.openai.requests import bare_messages, without

__all__ = ["Fireworks", "FireworksRanking"]


_WITHOUT_EFFECT = ("prompt_cache_options", "prompt_cache_retention", "safety_identifier", "store")


class FireworksRanking(Wire):
    """An answer of Fireworks' ``POST /rerank``: best first, under another name than everywhere else."""

    model: str | MISSING = MISSING
    data: list[RerankResult]
    usage: RerankUsage | MISSING = MISSING


class Fireworks(OpenAIDialect):
    """Fireworks AI's hosted models."""

    def chat_request(self, request: ChatRequest) -> ChatRequest:
        """Fireworks refuses fields that it does not know."""
        return without(bare_messages(request, thoughts="reasoning_content"), _WITHOUT_EFFECT)

    async def rerank(self, request: RerankRequest, call: Call) -> Answer[RerankResponse]:
        """See :meth:`Reranker.rerank`; Fireworks takes plain texts, and repeats them unless it is told not to."""
        update = {"documents": texts_of(request), "return_documents": False}
        body = request.model_copy(update=update).model_dump_json().encode()
        answer = await self.upstream.answer(FireworksRanking, self.path("rerank", request.model), body, call)
        results = ranked(request, [(result.index, result.relevance_score) for result in answer.value.data])
        said = answer.value.model_dump(exclude={"data"})
        return Answer(RerankResponse, value=RerankResponse(**said, results=results), headers=answer.headers)

    def listed(self, model: ModelInfo, entry: Mapping[str, Any]) -> ModelInfo | None:
        """What a model is for, as far as ``kind`` and ``supports_chat`` tell."""
        kind = entry.get("kind")
        if isinstance(kind, str) and kind.startswith("FLUMINA"):
            return None
        if kind == "EMBEDDING_MODEL":
            return replace(model, contracts=frozenset({Embedder}))
        if entry.get("supports_chat") is True:
            return replace(model, contracts=frozenset({ChatModel, CompletionModel}))
        return model
