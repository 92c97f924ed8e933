"""``/v1/embeddings``."""

from __future__ import annotations

from dinrail_core.api.answers import Answer
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest, EmbeddingResponse
from dinrail_core.hooks.http import Exchange, Route

__all__ = ["ROUTES"]


async def _create(exchange: Exchange) -> Answer[EmbeddingResponse]:
    request = await exchange.decode(EmbeddingRequest)
    target = await exchange.resolve(Embedder, request.model)
    return await target.provider.embed(request.model_copy(update={"model": target.model}), exchange.call)


ROUTES = (
    Route(
        method="POST",
        asks=True,
        path="/v1/embeddings",
        handler=_create,
        summary="Turn texts into vectors",
        tag="Embeddings",
        body=EmbeddingRequest,
        answer=EmbeddingResponse,
    ),
)
