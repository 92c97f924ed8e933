"""``/v1/rerank``."""

from __future__ import annotations

from dinrail_core.api.answers import Answer
from dinrail_core.api.rerank import Reranker, RerankRequest, RerankResponse
from dinrail_core.hooks.http import Exchange, Route

__all__ = ["ROUTES"]


async def _create(exchange: Exchange) -> Answer[RerankResponse]:
    request = await exchange.decode(RerankRequest)
    target = await exchange.resolve(Reranker, request.model)
    return await target.provider.rerank(request.model_copy(update={"model": target.model}), exchange.call)


ROUTES = (
    Route(
        method="POST",
        asks=True,
        path="/v1/rerank",
        handler=_create,
        summary="Order documents by how well they answer a query",
        tag="Rerank",
        body=RerankRequest,
        answer=RerankResponse,
    ),
)
