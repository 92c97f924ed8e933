"""What a service of webhooks does, for callers and for services that have something to tell."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call

if TYPE_CHECKING:
    from dinrail_core.api.webhooks.objects import (
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
        WebhookEventType,
    )

__all__ = ["Webhooks"]


class Webhooks(ABC):
    """Keeps endpoints, and tells them of events. An endpoint of somebody else does not exist.

    Methods that name an endpoint raise:
        NotFound: There is none of this id; ``param`` is ``webhook_endpoint_id``.
    """

    @abstractmethod
    async def emit(
        self, event: WebhookEventType, data: Mapping[str, Any], call: Call, *, key: str, at: int | None = None
    ) -> None:
        """Tell every endpoint of the caller's that wants to know. When this returns, they will be told.

        Args:
            event: What has happened.
            data: Of what; ids, and no content.
            call: Whose object it has happened to.
            key: What makes it one event, such as the object's id: emitted again, it is the same event, with the same
                id, and no endpoint that has been told is told again.
            at: When it has happened, in seconds since the epoch; now where not given.
        """

    @abstractmethod
    async def create(self, request: CreateWebhookEndpoint, call: Call) -> Answer[WebhookEndpointWithSecret]:
        """Make an endpoint.

        Raises:
            InvalidRequest: Its URL is none, or there are too many endpoints.
        """

    @abstractmethod
    async def list(self, query: ListWebhookEndpointsQuery, call: Call) -> Answer[WebhookEndpointList]:
        """The caller's endpoints, the newest first."""

    @abstractmethod
    async def get(self, endpoint_id: str, call: Call) -> Answer[WebhookEndpoint]:
        """One endpoint."""

    @abstractmethod
    async def update(self, endpoint_id: str, request: UpdateWebhookEndpoint, call: Call) -> Answer[WebhookEndpoint]:
        """Change an endpoint.

        Raises:
            InvalidRequest: Its new URL is none.
        """

    @abstractmethod
    async def delete(self, endpoint_id: str, call: Call) -> Answer[DeletedWebhookEndpoint]:
        """Remove an endpoint; it is told nothing more."""

    @abstractmethod
    async def rotate_secret(
        self, endpoint_id: str, request: RotateWebhookSecret, call: Call
    ) -> Answer[WebhookEndpointWithSecret]:
        """Give an endpoint a new secret."""

    @abstractmethod
    async def test(self, endpoint_id: str, request: TestWebhookEndpoint, call: Call) -> Answer[WebhookEndpointTest]:
        """Send a made-up event, once and now.

        Raises:
            InvalidRequest: The URL leads to where it must not, or nothing answers there.
        """
