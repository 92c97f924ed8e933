"""Text Embeddings Inference, as its OpenAPI description of version 1.9 has it."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest, EmbeddingResponse
from dinrail_core.api.provider import ModelInfo, ModelSource
from dinrail_core.api.rerank import Reranker, RerankRequest, RerankResponse
from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.openai.ranking import ranked, texts_of
from dinrail_sdk.translation import cut, each
from dinrail_sdk.upstream import Upstream
from dinrail_tei.parts import joined_embeddings, read_scores

__all__ = ["Tei"]

_KINDS: dict[str, type] = {"embedding": Embedder, "reranker": Reranker}


class Tei(Embedder, Reranker, ModelSource):
    """A server with one model.

    Args:
        upstream: The server, without ``/v1``.
        batch: How many texts it takes at once.
    """

    def __init__(self, upstream: Upstream, *, batch: int) -> None:
        self._upstream = upstream
        self._batch = batch

    async def embed(self, request: EmbeddingRequest, call: Call) -> Answer[EmbeddingResponse]:
        """See :meth:`Embedder.embed`; what fits into one request is relayed."""
        inputs = request.input
        if isinstance(inputs, str) or isinstance(inputs[0], int) or len(inputs) <= self._batch:
            return await self._embed(request, call)
        parts = [request.model_copy(update={"input": part}) for part in cut(inputs, self._batch)]
        answers = await each(lambda part: self._embed(part, call), parts)
        return Answer(EmbeddingResponse, body=joined_embeddings([answer.body for answer in answers]))

    async def rerank(self, request: RerankRequest, call: Call) -> Answer[RerankResponse]:
        """See :meth:`Reranker.rerank`; every document is scored by itself, so parts go together by their scores."""

        async def ask(texts: Sequence[str]) -> list[tuple[int, float]]:
            said = {"query": request.query, "texts": texts, "return_text": False}
            body = orjson.dumps((request.model_extra or {}) | said)
            return read_scores(await self._upstream.post("rerank", body, call), len(texts))

        parts = await each(ask, cut(texts_of(request), self._batch))
        scores = [(number * self._batch + index, score) for number, part in enumerate(parts) for index, score in part]
        return Answer.of(RerankResponse(model=request.model, results=ranked(request, scores)))

    async def models(self) -> Sequence[ModelInfo]:
        """See :meth:`ModelSource.models`; a classifier can do nothing here and is not listed."""
        try:
            info = orjson.loads(await self._upstream.get("info", Call()))
            name, kinds, longest = info.get("served_model_name") or info["model_id"], info["model_type"], 0
            if isinstance(info.get("max_input_length"), int):
                longest = info["max_input_length"]
            if not isinstance(name, str) or not isinstance(kinds, dict):
                raise TypeError
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
            raise UpstreamInvalid("The upstream's /info is not that of a TEI server.") from None
        contracts = frozenset(contract for kind, contract in _KINDS.items() if kind in kinds)
        return [ModelInfo(name, contracts, context_length=longest or None)] if contracts else []

    async def _embed(self, request: EmbeddingRequest, call: Call) -> Answer[EmbeddingResponse]:
        body = request.model_dump_json().encode()
        return await self._upstream.answer(EmbeddingResponse, "v1/embeddings", body, call)
