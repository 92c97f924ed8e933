"""Embeddings: handed on as they are; what llama.cpp would ignore is noticed."""

from __future__ import annotations

import orjson

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call
from dinrail_core.api.embeddings import Embedding, EmbeddingRequest, EmbeddingResponse
from dinrail_core.errors import ContextLengthExceeded, UnsupportedFeature, UpstreamFailed
from dinrail_llamacpp.requests import dumped
from dinrail_sdk.upstream import Upstream

__all__ = ["embed"]

_FLOAT = 4
_TOO_LONG = "too large to process"


async def embed(upstream: Upstream, request: EmbeddingRequest, call: Call) -> Answer[EmbeddingResponse]:
    """See :meth:`~dinrail_core.api.embeddings.Embedder.embed`.

    Raises:
        ContextLengthExceeded: A text is too long, which llama.cpp calls a failure of its own.
        UnsupportedFeature: ``dimensions`` is not the length of the model's vectors, which are never shortened.
    """
    try:
        answer = await upstream.answer(EmbeddingResponse, "embeddings", orjson.dumps(dumped(request)), call)
    except UpstreamFailed as error:
        if _TOO_LONG in error.message:
            raise ContextLengthExceeded("An input does not fit into the model's context.", param="input") from error
        raise
    if isinstance(request.dimensions, int):
        for one in answer.value.data:
            if _length(one) != request.dimensions:
                raise UnsupportedFeature(
                    f"The vectors of this model have {_length(one)} dimensions and are not shortened.",
                    param="dimensions",
                )
    return answer


def _length(one: Embedding) -> int:
    vector = one.embedding
    return len(vector) if isinstance(vector, list) else len(vector.rstrip("=")) * 3 // 4 // _FLOAT
