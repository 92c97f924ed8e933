"""Wire types of webhooks: the shapes of the ``openai`` package 3.54; the specification 2.3.0 has the events alone."""

from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import Field

from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.wire import MISSING, Many, PlainText, Wire

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
]

WebhookEventType: TypeAlias = Literal[
    "batch.completed",
    "batch.failed",
    "batch.expired",
    "batch.cancelled",
    "response.completed",
    "response.failed",
    "response.cancelled",
    "response.incomplete",
]
"""What endpoints can be told of."""

EVENT_TYPES: tuple[WebhookEventType, ...] = get_args(WebhookEventType)
"""The same as a list."""

Name: TypeAlias = Annotated[PlainText, Field(min_length=1, max_length=200)]
Url: TypeAlias = Annotated[str, Field(min_length=1, max_length=8192)]
EventTypes: TypeAlias = Annotated[Many[WebhookEventType], Field(min_length=1, max_length=100)]


class WebhookEvent(Wire):
    """What an endpoint is sent."""

    id: str
    """The event's id, the same however often it is sent."""
    object: Annotated[str, OpenEnum("event")] = "event"
    type: str
    created_at: int
    """Seconds since the epoch."""
    data: dict[str, Any]
    """The id of what it has happened to."""


class CreateWebhookEndpoint(Wire):
    """A new endpoint."""

    name: Name
    """For people."""
    url: Url
    """Where events are sent; ``http`` only into networks that the operator has named."""
    event_types: EventTypes
    """What it is told of."""


class UpdateWebhookEndpoint(Wire):
    """What is to be changed."""

    name: Name | MISSING = MISSING
    url: Url | MISSING = MISSING
    event_types: EventTypes | MISSING = MISSING
    """All that it is to be told of."""


class RotateWebhookSecret(Wire):
    """A new secret."""

    keep_old_secret_active_for_24_hours: bool = False
    """Whether events are signed with the old one as well for a day."""


class TestWebhookEndpoint(Wire):
    """A made-up event."""

    __test__ = False  # it is no test, whatever pytest thinks of its name

    event_type: WebhookEventType


class WebhookEndpoint(Wire):
    """An endpoint."""

    id: str
    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    name: str
    url: str
    event_types: list[str]
    signing_secret_hint: str
    """The end of its secret, by which its owner recognises it."""
    created_at: int
    """Seconds since the epoch."""
    updated_at: int
    """When it, or its secret, has been changed."""


class WebhookEndpointWithSecret(WebhookEndpoint):
    """An endpoint whose secret is new."""

    signing_secret: str
    """What its events are signed with. It is shown this once."""


class WebhookEndpointList(Wire):
    """A part of a list of endpoints."""

    object: Literal["list"] = "list"
    data: list[WebhookEndpoint]
    first_id: str | None = None
    last_id: str | None = None
    has_more: bool


class WebhookEndpointTest(Wire):
    """What came of a made-up event."""

    object: Literal["webhook_endpoint.test"] = "webhook_endpoint.test"
    webhook_endpoint_id: str
    event_type: str
    status_code: int
    """What the endpoint has answered."""
    success: Literal[True] = True
    """That it has."""


class DeletedWebhookEndpoint(Wire):
    """An endpoint that is no more."""

    id: str
    object: Literal["webhook_endpoint.deleted"] = "webhook_endpoint.deleted"
    deleted: Literal[True] = True


class WebhookEventTypeList(Wire):
    """What endpoints can be told of."""

    object: Literal["list"] = "list"
    data: list[str]


class ListWebhookEndpointsQuery(Wire):
    """Which endpoints are wanted."""

    after: str | MISSING = MISSING
    """The id behind which the page begins."""
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    """How many at most."""
