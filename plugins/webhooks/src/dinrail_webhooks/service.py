"""Endpoints as rows, and telling them of events in jobs."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import RowMapping

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call
from dinrail_core.api.jobs import JobFailed, JobRun, Jobs
from dinrail_core.api.webhooks import (
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
    Webhooks,
)
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import InvalidRequest, NotFound, RequestError, Unavailable, UpstreamError
from dinrail_core.hooks import Context, Outbound
from dinrail_sdk.outbound import OutboundClient, Timeouts, check_url
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.sql.units import Owned, Page
from dinrail_webhooks.config import WebhooksConfig
from dinrail_webhooks.secrets import Keyring, key_in, new_salt
from dinrail_webhooks.tables import ENDPOINTS

__all__ = ["DELIVERY", "WebhookService", "keyring_of"]

DELIVERY = "webhook"
"""The kind of the job that tells one endpoint of one event."""

_DAY = 86_400
_MOST_ANSWER = 64 * 1024


def keyring_of(config: WebhooksConfig, context: Context) -> Keyring:
    """What makes secrets: of the configured key, or of that in the service's folder."""
    if config.key is not None:
        return Keyring(config.key.get_secret_value().encode())
    return Keyring(key_in(context.folder()))


class WebhookService(Webhooks):
    """Keeps endpoints in the database, and tells them of events in jobs.

    Args:
        config: ``[services.webhooks]``.
        database: Where endpoints are.
        jobs: What tells them.
        outbound: Where they may be.
        keyring: Makes their secrets.
    """

    def __init__(
        self, config: WebhooksConfig, database: Database, jobs: Jobs, outbound: Outbound, keyring: Keyring
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._keyring = keyring
        self._most = config.max_endpoints
        self._outbound = outbound
        self._client = OutboundClient(outbound, Timeouts(idle=config.timeout, total=config.timeout))

    # --- events

    async def emit(
        self, event: WebhookEventType, data: Mapping[str, Any], call: Call, *, key: str, at: int | None = None
    ) -> None:
        event_id = _event_id(event, call, key)
        payload = {"id": event_id, "type": event, "created_at": at or int(time.time()), "data": dict(data)}
        endpoints = await self._database.read(call.principal, lambda unit: unit.select(ENDPOINTS))
        for endpoint in endpoints:
            if event in endpoint["event_types"]:
                told = {"endpoint": endpoint["id"], "event": payload}
                await self._jobs.enqueue(DELIVERY, told, call, key=f"{event_id}:{endpoint['id']}")

    async def deliver(self, job: JobRun) -> None:
        """Tell an endpoint of an event; it is tried again until it answers well."""
        endpoint_id, event = job.payload["endpoint"], job.payload["event"]
        endpoint = await self._database.read(job.call.principal, lambda unit: unit.get(ENDPOINTS, endpoint_id))
        if endpoint is None or event["type"] not in endpoint["event_types"]:
            return  # it does not want to know any more
        try:
            status = await self._send(endpoint, WebhookEvent(**event))
        except RequestError as error:
            raise JobFailed(error.message, code=error.code) from error  # the URL is no good
        if not 200 <= status < 300:
            raise Unavailable(f"The endpoint has answered with the status {status}.")

    # --- endpoints

    async def create(self, request: CreateWebhookEndpoint, call: Call) -> Answer[WebhookEndpointWithSecret]:
        self._check_url(request.url)
        now, endpoint_id = int(time.time()), new_id("we_")
        row = {
            "id": endpoint_id,
            "name": request.name,
            "url": request.url,
            "event_types": list(dict.fromkeys(request.event_types)),
            "salt": new_salt(),
            "key_check": self._keyring.check,
            "created_at": now,
            "updated_at": now,
        }

        def work(unit: Owned) -> RowMapping:
            if unit.count(ENDPOINTS) >= self._most:
                raise InvalidRequest(f"There are {self._most} endpoints already.", code="too_many_endpoints")
            unit.insert(ENDPOINTS, row)
            return _existing(unit, endpoint_id)

        return Answer.of(self._with_secret(await self._database.write(call.principal, work)))

    async def list(self, query: ListWebhookEndpointsQuery, call: Call) -> Answer[WebhookEndpointList]:
        after = query.after if isinstance(query.after, str) else None

        def work(unit: Owned) -> WebhookEndpointList:
            found = unit.page(ENDPOINTS, Page(query.limit, after=after))
            data = [self._wire(row) for row in found.rows]
            first_id, last_id = (data[0].id, data[-1].id) if data else (None, None)
            return WebhookEndpointList(data=data, first_id=first_id, last_id=last_id, has_more=found.has_more)

        return Answer.of(await self._database.read(call.principal, work))

    async def get(self, endpoint_id: str, call: Call) -> Answer[WebhookEndpoint]:
        return Answer.of(self._wire(await self._row(endpoint_id, call)))

    async def update(self, endpoint_id: str, request: UpdateWebhookEndpoint, call: Call) -> Answer[WebhookEndpoint]:
        given = {name: getattr(request, name) for name in ("name", "url", "event_types")}
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not MISSING}
        if "url" in changes:
            self._check_url(changes["url"])
        if "event_types" in changes:
            changes["event_types"] = list(dict.fromkeys(changes["event_types"]))
        return Answer.of(self._wire(await self._change(endpoint_id, lambda endpoint: changes, call)))

    async def delete(self, endpoint_id: str, call: Call) -> Answer[DeletedWebhookEndpoint]:
        def work(unit: Owned) -> None:
            if unit.delete(ENDPOINTS, ENDPOINTS.c.id == endpoint_id) != 1:
                raise _missing(endpoint_id)

        await self._database.write(call.principal, work)
        return Answer.of(DeletedWebhookEndpoint(id=endpoint_id))

    async def rotate_secret(
        self, endpoint_id: str, request: RotateWebhookSecret, call: Call
    ) -> Answer[WebhookEndpointWithSecret]:
        keep = request.keep_old_secret_active_for_24_hours

        def changes(endpoint: RowMapping) -> dict[str, Any]:
            return {
                "old_salt": endpoint["salt"] if keep else None,
                "old_until": int(time.time()) + _DAY if keep else None,
                "salt": new_salt(),
                "key_check": self._keyring.check,
            }

        return Answer.of(self._with_secret(await self._change(endpoint_id, changes, call)))

    async def test(self, endpoint_id: str, request: TestWebhookEndpoint, call: Call) -> Answer[WebhookEndpointTest]:
        endpoint = await self._row(endpoint_id, call)
        made_up = {"id": f"{request.event_type.partition('.')[0]}_test"}
        event = WebhookEvent(id=new_id("evt_"), type=request.event_type, created_at=int(time.time()), data=made_up)
        try:
            status = await self._send(endpoint, event)
        except UpstreamError as error:
            raise InvalidRequest(
                f"The endpoint has not answered. {error.message}", param="url", code="endpoint_unreachable"
            ) from error
        return Answer.of(
            WebhookEndpointTest(webhook_endpoint_id=endpoint_id, event_type=request.event_type, status_code=status)
        )

    async def _send(self, endpoint: RowMapping, event: WebhookEvent) -> int:
        """Send an event once, and return the status of the answer.

        Raises:
            RequestError: The endpoint's URL leads to where it must not, or its secret cannot be made any more.
            UpstreamError: Nothing answers there.
        """
        if endpoint["key_check"] != self._keyring.check:
            raise InvalidRequest(
                "The key that the endpoint's secret was made of is not this process's ([services.webhooks] key); "
                "rotate the secret, or put the key back.",
                code="webhook_key_changed",
            )
        now = int(time.time())
        salts = [endpoint["salt"]]
        if endpoint["old_salt"] is not None and endpoint["old_until"] > now:
            salts.append(endpoint["old_salt"])
        body = event.model_dump_json().encode()
        headers = [
            ("content-type", "application/json"),
            ("webhook-id", event.id),
            ("webhook-timestamp", str(now)),
            ("webhook-signature", self._keyring.signature(endpoint["id"], salts, event.id, now, body)),
        ]
        answer = await self._client.post(
            endpoint["url"], body, limit=_MOST_ANSWER, headers=headers, plain=False, param="url"
        )
        return answer.status

    def _check_url(self, url: str) -> None:
        """See whether an endpoint may be there; what a name stands for is seen at each delivery."""
        check_url(url, self._outbound, plain=False, param="url")

    async def _row(self, endpoint_id: str, call: Call) -> RowMapping:
        return await self._database.read(call.principal, lambda unit: _existing(unit, endpoint_id))

    async def _change(
        self, endpoint_id: str, changes: Callable[[RowMapping], Mapping[str, Any]], call: Call
    ) -> RowMapping:
        """Change an endpoint's row; what is there already is no change."""

        def work(unit: Owned) -> RowMapping:
            found = _existing(unit, endpoint_id, lock=True)
            wanted = changes(found)
            if any(found[name] != value for name, value in wanted.items()):
                unit.update(ENDPOINTS, {**wanted, "updated_at": int(time.time())}, ENDPOINTS.c.id == endpoint_id)
            return _existing(unit, endpoint_id)

        return await self._database.write(call.principal, work)

    def _wire(self, row: RowMapping) -> WebhookEndpoint:
        return WebhookEndpoint(**self._fields(row))

    def _with_secret(self, row: RowMapping) -> WebhookEndpointWithSecret:
        secret = self._keyring.secret(row["id"], row["salt"])
        return WebhookEndpointWithSecret(**self._fields(row), signing_secret=secret)

    def _fields(self, row: RowMapping) -> dict[str, Any]:
        fields = {name: row[name] for name in ("id", "name", "url", "event_types", "created_at", "updated_at")}
        return {**fields, "signing_secret_hint": self._keyring.hint(row["id"], row["salt"])}


def _event_id(event: str, call: Call, key: str) -> str:
    """The same for the same event, whoever emits it again."""
    who = call.principal
    told = "\0".join((event, who.tenant, who.user or "", key))
    return f"evt_{hashlib.sha256(told.encode()).hexdigest()[:48]}"


def _existing(unit: Owned, endpoint_id: str, *, lock: bool = False) -> RowMapping:
    found = unit.get(ENDPOINTS, endpoint_id, lock=lock)
    if found is None:
        raise _missing(endpoint_id)
    return found


def _missing(endpoint_id: str) -> NotFound:
    return NotFound(f"There is no webhook endpoint '{endpoint_id}'.", param="webhook_endpoint_id")
