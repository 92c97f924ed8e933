"""Webhooks (``/v1/webhook_endpoints``): telling of events. The shapes are those of the ``openai`` package 3.54."""

from typing import TYPE_CHECKING

from dinrail_core.api.lazily import lazily
from dinrail_core.api.webhooks.contract import Webhooks

if TYPE_CHECKING:
    from dinrail_core.api.webhooks.objects import (
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
        WebhookEvent,
        WebhookEventType,
        WebhookEventTypeList,
    )

__all__ = [
    "EVENT_TYPES",
    "CreateWebhookEndpoint",
    "DeletedWebhookEndpoint",
    "ListWebhookEndpointsQuery",
    "RotateWebhookSecret",
    "TestWebhookEndpoint",
    "UpdateWebhookEndpoint",
    "WebhookEndpoint",
    "WebhookEndpointList",
    "WebhookEndpointTest",
    "WebhookEndpointWithSecret",
    "WebhookEvent",
    "WebhookEventType",
    "WebhookEventTypeList",
    "Webhooks",
]

__getattr__ = lazily("dinrail_core.api.webhooks.objects")
