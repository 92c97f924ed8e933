"""``/v1/webhook_endpoints`` and ``/v1/webhook_event_types``."""

from __future__ import annotations

from dinrail_core.api.answers import Answer
from dinrail_core.api.webhooks import (
    EVENT_TYPES,
    CreateWebhookEndpoint,
    DeletedWebhookEndpoint,
    ListWebhookEndpointsQuery,
    RotateWebhookSecret,
    TestWebhookEndpoint,
    UpdateWebhookEndpoint,
    WebhookEndpoint,
    WebhookEndpointList,
    WebhookEndpointTest,
    WebhookEndpointWithSecret,
    WebhookEventTypeList,
    Webhooks,
)
from dinrail_core.hooks.http import Exchange, Route

__all__ = ["EVENT_TYPE_ROUTES", "ROUTES"]

_TAG = "Webhooks"
_ONE = "/v1/webhook_endpoints/{webhook_endpoint_id}"


async def _create(exchange: Exchange) -> Answer[WebhookEndpointWithSecret]:
    request = await exchange.decode(CreateWebhookEndpoint)
    webhooks = await exchange.rail.service(Webhooks)
    return await webhooks.create(request, exchange.call)


async def _list(exchange: Exchange) -> Answer[WebhookEndpointList]:
    query = exchange.parameters(ListWebhookEndpointsQuery)
    webhooks = await exchange.rail.service(Webhooks)
    return await webhooks.list(query, exchange.call)


async def _retrieve(exchange: Exchange) -> Answer[WebhookEndpoint]:
    webhooks = await exchange.rail.service(Webhooks)
    return await webhooks.get(_id(exchange), exchange.call)


async def _update(exchange: Exchange) -> Answer[WebhookEndpoint]:
    request = await exchange.decode(UpdateWebhookEndpoint)
    webhooks = await exchange.rail.service(Webhooks)
    return await webhooks.update(_id(exchange), request, exchange.call)


async def _delete(exchange: Exchange) -> Answer[DeletedWebhookEndpoint]:
    webhooks = await exchange.rail.service(Webhooks)
    return await webhooks.delete(_id(exchange), exchange.call)


async def _rotate_secret(exchange: Exchange) -> Answer[WebhookEndpointWithSecret]:
    request = await exchange.decode(RotateWebhookSecret) if await exchange.read() else RotateWebhookSecret()
    webhooks = await exchange.rail.service(Webhooks)
    return await webhooks.rotate_secret(_id(exchange), request, exchange.call)


async def _test(exchange: Exchange) -> Answer[WebhookEndpointTest]:
    request = await exchange.decode(TestWebhookEndpoint)
    webhooks = await exchange.rail.service(Webhooks)
    return await webhooks.test(_id(exchange), request, exchange.call)


async def _event_types(exchange: Exchange) -> Answer[WebhookEventTypeList]:
    return Answer.of(WebhookEventTypeList(data=list(EVENT_TYPES)))


def _id(exchange: Exchange) -> str:
    return exchange.path["webhook_endpoint_id"]


ROUTES = (
    Route(
        method="POST",
        path="/v1/webhook_endpoints",
        handler=_create,
        summary="Make a webhook endpoint; its secret is shown this once",
        tag=_TAG,
        body=CreateWebhookEndpoint,
        answer=WebhookEndpointWithSecret,
    ),
    Route(
        method="GET",
        path="/v1/webhook_endpoints",
        handler=_list,
        summary="List webhook endpoints",
        tag=_TAG,
        query=ListWebhookEndpointsQuery,
        answer=WebhookEndpointList,
    ),
    Route(
        method="GET",
        path=_ONE,
        handler=_retrieve,
        summary="Look at a webhook endpoint",
        tag=_TAG,
        answer=WebhookEndpoint,
    ),
    Route(
        method="POST",
        path=_ONE,
        handler=_update,
        summary="Change a webhook endpoint",
        tag=_TAG,
        body=UpdateWebhookEndpoint,
        answer=WebhookEndpoint,
    ),
    Route(
        method="DELETE",
        path=_ONE,
        handler=_delete,
        summary="Delete a webhook endpoint",
        tag=_TAG,
        answer=DeletedWebhookEndpoint,
    ),
    Route(
        method="POST",
        path=f"{_ONE}/rotate_secret",
        handler=_rotate_secret,
        summary="Give a webhook endpoint a new secret, which is shown this once",
        tag=_TAG,
        body=RotateWebhookSecret,
        answer=WebhookEndpointWithSecret,
    ),
    Route(
        method="POST",
        path=f"{_ONE}/test",
        handler=_test,
        summary="Send a made-up event to a webhook endpoint",
        tag=_TAG,
        body=TestWebhookEndpoint,
        answer=WebhookEndpointTest,
    ),
)

EVENT_TYPE_ROUTES = (
    Route(
        method="GET",
        path="/v1/webhook_event_types",
        handler=_event_types,
        summary="List what webhook endpoints can be told of",
        tag=_TAG,
        answer=WebhookEventTypeList,
    ),
)
