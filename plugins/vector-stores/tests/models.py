"""Models that tests can foresee: vectors out of words, a chat model that repeats, a reranker that goes by length."""

from __future__ import annotations

import asyncio
import base64
import math
import zlib
from array import array
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from pydantic import BaseModel

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat import ChatChunk, ChatCompletion, ChatModel, ChatRequest
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest, EmbeddingResponse
from dinrail_core.api.provider import ModelInfo, ModelSource
from dinrail_core.api.rerank import Reranker, RerankRequest, RerankResponse
from dinrail_core.errors import ContextLengthExceeded, InvalidRequest, ModelNotFound, UpstreamFailed
from dinrail_core.hooks import Context, ProviderType
from dinrail_sdk.sql.fulltext import words_of

__all__ = ["MODELS", "Models"]

_DIMENSIONS = {"bag": 256, "wide": 320}


class ModelsConfig(BaseModel, extra="forbid"):
    """How they behave."""

    delay: float = 0.0
    """Seconds that each request for vectors takes."""
    broken: bool = False
    """Whether the model ``wide`` fails."""


class Models(Embedder, ChatModel, Reranker, ModelSource):
    def __init__(self, config: ModelsConfig) -> None:
        self._config = config

    async def models(self) -> Sequence[ModelInfo]:
        return [
            ModelInfo("bag", frozenset({Embedder}), context_length=400),
            ModelInfo("wide", frozenset({Embedder})),
            ModelInfo("parrot", frozenset({ChatModel})),
            ModelInfo("longest", frozenset({Reranker})),
        ]

    async def embed(self, request: EmbeddingRequest, call: Call) -> Answer[EmbeddingResponse]:
        assert request.encoding_format == "base64"
        await asyncio.sleep(self._config.delay)
        if request.model == "wide" and self._config.broken:
            raise UpstreamFailed("The model is broken.")
        if request.model not in _DIMENSIONS:
            raise ModelNotFound(f"There is no '{request.model}'.", param="model")
        dimension = _DIMENSIONS[request.model]
        if isinstance(request.dimensions, int):
            if request.dimensions > dimension:
                raise InvalidRequest("That is too many.", param="dimensions")
            dimension = request.dimensions
        texts = [request.input] if isinstance(request.input, str) else request.input
        for text in texts:
            if len(str(text).split()) > 400:
                raise ContextLengthExceeded("That is too long.")
        data = [
            {"object": "embedding", "index": index, "embedding": _vector(str(text), dimension)}
            for index, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return Answer.of(
            EmbeddingResponse.model_validate({"object": "list", "model": request.model, "data": data, "usage": usage})
        )

    async def complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        said = request.messages[-1].model_dump()["content"]
        passage = said.rpartition("<passage>")[2].partition("</passage>")[0] or said
        message = {"role": "assistant", "content": f"zebra {' '.join(passage.split()[:3])}", "refusal": None}
        choice = {"index": 0, "finish_reason": "stop", "message": message, "logprobs": None}
        return Answer.of(
            ChatCompletion.model_validate(
                {"id": "c", "object": "chat.completion", "created": 0, "model": "parrot", "choices": [choice]}
            )
        )

    async def stream(self, request: ChatRequest, call: Call) -> Stream[ChatChunk]:
        raise NotImplementedError

    async def rerank(self, request: RerankRequest, call: Call) -> Answer[RerankResponse]:
        if request.model != "longest":
            raise ModelNotFound(f"There is no '{request.model}'.", param="model")
        lengths = [len(str(document)) for document in request.documents]
        order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
        results = [{"index": index, "relevance_score": float(lengths[index])} for index in order]
        return Answer.of(RerankResponse.model_validate({"results": results}))


def _vector(text: str, dimension: int) -> str:
    numbers = array("f", [1e-3] * dimension)
    for word in words_of(text):
        numbers[zlib.crc32(word.encode()) % dimension] += 1.0
    length = math.sqrt(sum(number * number for number in numbers))
    return base64.b64encode(array("f", (number / length for number in numbers)).tobytes()).decode()


@asynccontextmanager
async def _open(config: ModelsConfig, context: Context) -> AsyncIterator[object]:
    yield Models(config)


MODELS = ProviderType(
    name="models",
    config=ModelsConfig,
    apis=frozenset({Embedder, ChatModel, Reranker, ModelSource}),
    open=_open,
    detect=lambda environment: {},
)
