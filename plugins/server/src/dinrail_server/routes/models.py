"""``/v1/models``."""

from __future__ import annotations

from dinrail_core.api.answers import Answer
from dinrail_core.api.models import Model, ModelList
from dinrail_core.hooks.http import Exchange, Route

__all__ = ["ROUTES"]


async def _list(exchange: Exchange) -> Answer[ModelList]:
    return Answer.of(ModelList(data=list(await exchange.rail.models())))


async def _retrieve(exchange: Exchange) -> Answer[Model]:
    return Answer.of(await exchange.rail.model(exchange.path["model"]))


ROUTES = (
    Route(
        method="GET",
        path="/v1/models",
        handler=_list,
        summary="List the models of every provider that answers",
        tag="Models",
        answer=ModelList,
    ),
    Route(
        method="GET",
        path="/v1/models/{model:path}",
        handler=_retrieve,
        summary="Look at one model; its id may contain slashes",
        tag="Models",
        answer=Model,
    ),
)
