"""Events on their way to endpoints."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from listener import PLUGINS, Listener
from openai import OpenAI

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.jobs import Jobs
from dinrail_core.api.webhooks import (
    CreateWebhookEndpoint,
    RotateWebhookSecret,
    UpdateWebhookEndpoint,
    WebhookEndpointWithSecret,
    WebhookEventType,
    Webhooks,
)
from dinrail_core.hooks import Rail
from dinrail_sdk.testing import open_rail

CALL = Call()
COMPLETED: WebhookEventType = "batch.completed"


async def endpoint(
    webhooks: Webhooks, url: str, *events: WebhookEventType, call: Call = CALL
) -> WebhookEndpointWithSecret:
    request = CreateWebhookEndpoint(name="a", url=url, event_types=list(events or (COMPLETED,)))
    return (await webhooks.create(request, call)).value


def verified(heard: Any, secret: str) -> Any:
    with OpenAI(api_key="none") as client:
        return client.webhooks.unwrap(heard.body, heard.headers, secret=secret)


async def test_an_event_arrives_signed(webhooks: Webhooks, listener: Listener) -> None:
    made = await endpoint(webhooks, listener.url)
    await webhooks.emit(COMPLETED, {"id": "batch_1"}, CALL, key="batch_1", at=1_700_000_000)
    (heard,) = await listener.wait(1)
    event = verified(heard, made.signing_secret)
    assert (event.type, event.data.id, event.created_at, event.object) == (COMPLETED, "batch_1", 1_700_000_000, "event")
    assert heard.headers["webhook-id"] == event.id
    assert heard.headers["content-type"] == "application/json"
    with pytest.raises(openai.InvalidWebhookSignatureError):
        verified(heard, "whsec_" + "a" * 44)


async def test_an_event_that_is_emitted_again_is_the_same_event(webhooks: Webhooks, listener: Listener) -> None:
    await endpoint(webhooks, listener.url, COMPLETED, "batch.failed")
    for _ in range(3):
        await webhooks.emit(COMPLETED, {"id": "batch_1"}, CALL, key="batch_1")
    await listener.wait(1)
    await webhooks.emit("batch.failed", {"id": "batch_1"}, CALL, key="batch_1")
    heard = await listener.wait(2)
    assert [json.loads(one.body)["type"] for one in heard] == [COMPLETED, "batch.failed"]


async def test_only_endpoints_of_the_owner_that_want_to_know_are_told(webhooks: Webhooks, listener: Listener) -> None:
    foreign = Call(Principal("acme", "ann"))
    await endpoint(webhooks, listener.url, call=foreign)
    await endpoint(webhooks, listener.url, "batch.failed")
    changed = await endpoint(webhooks, listener.url)
    await webhooks.update(changed.id, UpdateWebhookEndpoint(event_types=["batch.expired"]), CALL)
    deleted = await endpoint(webhooks, listener.url)
    await webhooks.delete(deleted.id, CALL)
    await webhooks.emit(COMPLETED, {"id": "batch_1"}, CALL, key="batch_1")
    await webhooks.emit("batch.failed", {"id": "batch_2"}, CALL, key="batch_2")
    (heard,) = await listener.wait(1)
    assert json.loads(heard.body)["data"] == {"id": "batch_2"}


async def test_an_endpoint_that_fails_is_told_again_with_the_same_id(webhooks: Webhooks, listener: Listener) -> None:
    listener.answers = lambda number: 500 if number == 1 else 204
    made = await endpoint(webhooks, listener.url)
    await webhooks.emit(COMPLETED, {"id": "batch_1"}, CALL, key="batch_1")
    first, second = await listener.wait(2)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert verified(second, made.signing_secret).data.id == "batch_1"


async def test_where_requests_may_not_lead_no_event_goes(rail: Rail, webhooks: Webhooks, names: dict[str, str]) -> None:
    names["moved.example"] = "127.0.0.2"
    await endpoint(webhooks, "https://moved.example/")
    await webhooks.emit(COMPLETED, {"id": "batch_1"}, CALL, key="batch_1")
    jobs = await rail.service(Jobs)
    (job,) = [job for job in await jobs.list(CALL.principal) if job.kind == "webhook"]
    while job.state not in ("failed", "completed"):
        job = await jobs.get(job.id, CALL.principal)
    assert job.error is not None
    assert (job.state, job.error["code"]) == ("failed", "url_not_allowed")


async def test_a_new_secret_takes_the_place_of_the_old_one_at_once_or_a_day_later(
    webhooks: Webhooks, listener: Listener
) -> None:
    made = await endpoint(webhooks, listener.url)
    both = RotateWebhookSecret(keep_old_secret_active_for_24_hours=True)
    second = (await webhooks.rotate_secret(made.id, both, CALL)).value
    await webhooks.emit(COMPLETED, {"id": "batch_1"}, CALL, key="1")
    heard = (await listener.wait(1))[0]
    assert verified(heard, made.signing_secret).id == verified(heard, second.signing_secret).id
    third = (await webhooks.rotate_secret(made.id, RotateWebhookSecret(), CALL)).value
    assert len({made.signing_secret, second.signing_secret, third.signing_secret}) == 3
    await webhooks.emit(COMPLETED, {"id": "batch_2"}, CALL, key="2")
    heard = (await listener.wait(2))[1]
    assert verified(heard, third.signing_secret).data.id == "batch_2"
    for old in (made, second):
        with pytest.raises(openai.InvalidWebhookSignatureError):
            verified(heard, old.signing_secret)


async def test_secrets_outlive_the_process_and_belong_to_their_key(config: dict[str, Any], listener: Listener) -> None:
    async with open_rail(plugins=PLUGINS, config=config) as rail:
        made = await endpoint(await rail.service(Webhooks), listener.url)
    async with open_rail(plugins=PLUGINS, config=config) as rail:
        await (await rail.service(Webhooks)).emit(COMPLETED, {"id": "batch_1"}, CALL, key="1")
        (heard,) = await listener.wait(1)
        assert verified(heard, made.signing_secret).data.id == "batch_1"
    services = {**config.get("services", {}), "webhooks": {"key": "another key that is long enough to be one"}}
    async with open_rail(plugins=PLUGINS, config={**config, "services": services}) as rail:
        webhooks = await rail.service(Webhooks)
        await webhooks.emit(COMPLETED, {"id": "batch_2"}, CALL, key="2")
        jobs = await rail.service(Jobs)
        job = (await jobs.list(CALL.principal, kind="webhook"))[0]
        while job.state not in ("failed", "completed"):
            job = await jobs.get(job.id, CALL.principal)
        assert job.error is not None
        assert job.error["code"] == "webhook_key_changed"
        rotated = (await webhooks.rotate_secret(made.id, RotateWebhookSecret(), CALL)).value
        await webhooks.emit(COMPLETED, {"id": "batch_3"}, CALL, key="3")
        heard = (await listener.wait(2))[1]
        assert verified(heard, rotated.signing_secret).data.id == "batch_3"
