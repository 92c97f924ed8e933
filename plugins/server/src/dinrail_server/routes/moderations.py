"""``/v1/moderations``."""

from __future__ import annotations

from dinrail_core.api.answers import Answer
from dinrail_core.api.moderations import ModerationRequest, ModerationResponse, Moderator
from dinrail_core.api.wire import MISSING
from dinrail_core.hooks.context import Rail
from dinrail_core.hooks.http import Exchange, Route

__all__ = ["ROUTES"]

_USUAL = "omni-moderation-latest"
"""What OpenAI takes where a request names no model; here it can be an alias."""


async def _create(exchange: Exchange) -> Answer[ModerationResponse]:
    request = await exchange.decode(ModerationRequest)
    name = await _only_model(exchange.rail) if request.model is MISSING else request.model
    target = await exchange.resolve(Moderator, name)
    return await target.provider.moderate(request.model_copy(update={"model": target.model}), exchange.call)


async def _only_model(rail: Rail) -> str:
    able = [model.id for model in await rail.models() if model.apis is not MISSING and Moderator.__name__ in model.apis]
    return able[0] if len(able) == 1 else _USUAL


ROUTES = (
    Route(
        method="POST",
        asks=True,
        path="/v1/moderations",
        handler=_create,
        summary="Judge texts and images",
        tag="Moderations",
        body=ModerationRequest,
        answer=ModerationResponse,
    ),
)
