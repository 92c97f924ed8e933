"""``/v1/completions``."""

from __future__ import annotations

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.completions import CompletionModel, CompletionRequest, TextCompletion
from dinrail_core.hooks.http import Exchange, Route

__all__ = ["ROUTES"]


async def _create(exchange: Exchange) -> Answer[TextCompletion] | Stream[TextCompletion]:
    request = await exchange.decode(CompletionRequest)
    target = await exchange.resolve(CompletionModel, request.model)
    request = request.model_copy(update={"model": target.model})
    if request.stream is True:
        return await target.provider.stream_text(request, exchange.call)
    return await target.provider.complete_text(request, exchange.call)


ROUTES = (
    Route(
        method="POST",
        asks=True,
        path="/v1/completions",
        handler=_create,
        summary="Continue a text, whole or as a stream",
        tag="Completions",
        body=CompletionRequest,
        answer=TextCompletion,
        event=TextCompletion,
    ),
)
