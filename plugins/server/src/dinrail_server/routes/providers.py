"""``/v1/providers``."""

from __future__ import annotations

from dinrail_core.api.answers import Answer
from dinrail_core.api.providers import ProviderList, ProviderStatus
from dinrail_core.hooks.http import Exchange, Route

__all__ = ["ROUTES"]


async def _list(exchange: Exchange) -> Answer[ProviderList]:
    providers = await exchange.rail.providers()
    return Answer.of(ProviderList(data=list(providers), plugins=list(exchange.rail.plugins())))


async def _retrieve(exchange: Exchange) -> Answer[ProviderStatus]:
    return Answer.of(await exchange.rail.provider(exchange.path["provider"]))


ROUTES = (
    Route(
        method="GET",
        path="/v1/providers",
        handler=_list,
        summary="List the providers with their state now, and the installed plugins",
        tag="Providers",
        answer=ProviderList,
    ),
    Route(
        method="GET",
        path="/v1/providers/{provider}",
        handler=_retrieve,
        summary="Look at one provider now",
        tag="Providers",
        answer=ProviderStatus,
    ),
)
