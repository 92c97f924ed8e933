"""NIM and NeMo Retriever, where they differ from the plain relay."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.embeddings import EmbeddingRequest
from dinrail_core.api.rerank import RerankRequest, RerankResponse, RerankUsage
from dinrail_core.api.wire import MISSING, Wire
from dinrail_sdk.openai import OpenAIDialect
from dinrail_sdk.openai.ranking import ranked, texts_of
from dinrail_sdk.openai.requests import bare_messages, instructions_as_system, older_limit, without
from dinrail_sdk.upstream import Upstream

__all__ = ["Nvidia", "Passage", "PassageRank", "PassageRanks", "RankingRequest"]


_WITHOUT_EFFECT = (
    "metadata",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "store",
)


class Passage(Wire):
    """A text, as NeMo Retriever wants questions and documents."""

    text: str


class RankingRequest(Wire):
    """``POST /v1/ranking``."""

    model: str
    query: Passage
    passages: list[Passage]


class PassageRank(Wire):
    """One document's place."""

    index: int
    logit: float


class PassageRanks(Wire):
    """The answer of ``POST /v1/ranking``."""

    rankings: list[PassageRank]
    usage: RerankUsage | MISSING = MISSING


class Nvidia(OpenAIDialect):
    """NVIDIA's hosted models, or a NIM.

    Args:
        upstream: Where it is.
        ranker: Where reranking is, by model, when it is elsewhere.
        input_type: What texts are embedded for, where the request does not say.
    """

    def __init__(self, upstream: Upstream, *, ranker: Upstream | None, input_type: str | None) -> None:
        super().__init__(upstream)
        self._ranker = ranker
        self._input_type = input_type

    def chat_request(self, request: ChatRequest) -> ChatRequest:
        """The names that every NIM knows; hosted ones refuse what they do not know."""
        asked = older_limit(instructions_as_system(request))
        return without(bare_messages(asked, thoughts="reasoning_content"), _WITHOUT_EFFECT)

    def embedding_request(self, request: EmbeddingRequest) -> EmbeddingRequest:
        """Models that tell questions from passages must be told which it is, by the field or by the model's name."""
        told = "input_type" in (request.model_extra or {}) or request.model.endswith(("-query", "-passage"))
        if told or self._input_type is None:
            return request
        return request.model_copy(update={"input_type": self._input_type})

    async def rerank(self, request: RerankRequest, call: Call) -> Answer[RerankResponse]:
        """See :meth:`Reranker.rerank`; the score is a logit."""
        passages = [Passage(text=text) for text in texts_of(request)]
        extra: dict[str, Any] = request.model_extra or {}
        asked = RankingRequest(model=request.model, query=Passage(text=request.query), passages=passages, **extra)
        upstream, path = self.upstream, "ranking"
        if self._ranker is not None:
            upstream, path = self._ranker, f"{quote(request.model.replace('.', '_'))}/reranking"
        answer = await upstream.answer(PassageRanks, path, asked.model_dump_json().encode(), call)
        said = answer.value.model_dump(exclude={"rankings"})
        results = ranked(request, [(rank.index, rank.logit) for rank in answer.value.rankings])
        value = RerankResponse.model_validate({"model": request.model} | said | {"results": results})
        return Answer(RerankResponse, value=value, headers=answer.headers)
