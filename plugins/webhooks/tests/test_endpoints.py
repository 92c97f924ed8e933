"""Endpoints as OpenAI's package sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest
from listener import PLUGINS, Listener
from openai import AsyncOpenAI

from dinrail_sdk.testing import serve

URL = "https://example.com/events"


async def test_an_endpoint_is_made_changed_and_deleted(client: AsyncOpenAI) -> None:
    made = await client.webhooks.create(name="mine", url=URL, event_types=["batch.completed", "batch.completed"])
    assert (made.object, made.name, made.url, made.event_types) == (
        "webhook_endpoint",
        "mine",
        URL,
        ["batch.completed"],
    )
    assert made.signing_secret.startswith("whsec_")
    assert made.signing_secret_hint == f"whsec_…{made.signing_secret[-4:]}"
    found = await client.webhooks.retrieve(made.id)
    assert found.model_dump() == made.model_dump(exclude={"signing_secret"})
    same = await client.webhooks.update(made.id, name="mine")
    assert same.updated_at == made.updated_at
    changed = await client.webhooks.update(made.id, name="ours", event_types=["batch.failed"])
    assert (changed.name, changed.url, changed.event_types) == ("ours", URL, ["batch.failed"])
    assert changed.signing_secret_hint == made.signing_secret_hint
    gone = await client.webhooks.delete(made.id)
    assert (gone.id, gone.deleted, gone.object) == (made.id, True, "webhook_endpoint.deleted")
    for call in (client.webhooks.retrieve, client.webhooks.delete, client.webhooks.rotate_secret):
        with pytest.raises(openai.NotFoundError):
            await call(made.id)


async def test_endpoints_are_listed_newest_first(client: AsyncOpenAI) -> None:
    made = [(await client.webhooks.create(name=str(n), url=URL, event_types=["batch.failed"])).id for n in range(3)]
    assert [endpoint.id async for endpoint in client.webhooks.list(limit=1)] == made[::-1]
    types = await client.webhooks.event_types.list()
    assert {"batch.completed", "batch.failed", "batch.expired", "batch.cancelled"} <= set(types.data)


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"url": "ftp://example.com/"}, "url", "invalid_url"),
    ({"url": "example.com"}, "url", "invalid_url"),
    ({"url": "https://user:secret@example.com/"}, "url", "invalid_url"),
    ({"url": "https://example.com/a b"}, "url", "invalid_url"),
    ({"url": "https://10.0.0.1/"}, "url", "url_not_allowed"),
    ({"url": "http://127.0.0.2:1/"}, "url", "url_not_allowed"),
    ({"url": "https://[::1]/"}, "url", "url_not_allowed"),
    ({"url": "https://169.254.169.254/latest"}, "url", "url_not_allowed"),
    ({"url": "https://2130706434/"}, "url", "url_not_allowed"),
    ({"url": "http://93.184.216.34/"}, "url", "url_not_allowed"),
    ({"name": ""}, "name", "invalid_value"),
    ({"event_types": []}, "event_types", "invalid_value"),
    ({"event_types": ["batch.done"]}, "event_types.0", "invalid_value"),
    ({"event_types": "batch.failed"}, "event_types", "invalid_value"),
]


async def test_what_is_wrong_is_told(client: AsyncOpenAI) -> None:
    good: Any = {"name": "a", "url": URL, "event_types": ["batch.failed"]}
    made = await client.webhooks.create(**good)
    for fields, param, code in WRONG:
        for call in (
            client.webhooks.create(**{**good, **fields}),
            client.webhooks.update(made.id, **fields),
        ):
            with pytest.raises(openai.BadRequestError) as caught:
                await call
            assert (caught.value.param, caught.value.code) == (param, code), fields
            assert "secret" not in caught.value.message


async def test_there_are_only_so_many_endpoints(config: dict[str, Any]) -> None:
    services = {**config.get("services", {}), "webhooks": {"max_endpoints": 2}}
    async with (
        serve(plugins=PLUGINS, config={**config, "services": services}) as served,
        served.openai() as client,
    ):
        for _ in range(2):
            await client.webhooks.create(name="a", url=URL, event_types=["batch.failed"])
        with pytest.raises(openai.BadRequestError, match="2 endpoints"):
            await client.webhooks.create(name="a", url=URL, event_types=["batch.failed"])


async def test_a_made_up_event_tells_whether_an_endpoint_listens(client: AsyncOpenAI, listener: Listener) -> None:
    made = await client.webhooks.create(name="a", url=listener.url, event_types=["batch.failed"])
    result = await client.webhooks.test(made.id, event_type="batch.completed")
    assert (result.status_code, result.success, result.event_type) == (200, True, "batch.completed")
    (heard,) = listener.heard
    event = client.webhooks.unwrap(heard.body, heard.headers, secret=made.signing_secret)
    assert event.type == "batch.completed"
    listener.answers = lambda number: 302
    assert (await client.webhooks.test(made.id, event_type="batch.completed")).status_code == 302
    assert [heard.path for heard in listener.heard] == ["/events", "/events"], "redirects are not followed"


async def test_an_endpoint_that_cannot_be_reached_is_told(client: AsyncOpenAI, names: dict[str, str]) -> None:
    names.update({"inside.example": "169.254.169.254", "outside.example": "93.184.216.34"})
    for url, code in (
        ("http://127.0.0.1:1/", "endpoint_unreachable"),
        ("https://inside.example:1/", "url_not_allowed"),
        ("http://outside.example/", "url_not_allowed"),
        ("https://nowhere.invalid/", "endpoint_unreachable"),
    ):
        made = await client.webhooks.create(name="a", url=url, event_types=["batch.failed"])
        with pytest.raises(openai.BadRequestError) as caught:
            await client.webhooks.test(made.id, event_type="batch.completed")
        assert (caught.value.param, caught.value.code) == ("url", code)


async def test_no_secret_is_in_the_database(client: AsyncOpenAI, config: dict[str, Any], tmp_path: Path) -> None:
    made = await client.webhooks.create(name="a", url=URL, event_types=["batch.failed"])
    key = tmp_path / "data" / "services" / "webhooks" / "key"
    assert key.stat().st_mode & 0o777 == 0o600
    secret = made.signing_secret.removeprefix("whsec_").encode()
    folder = tmp_path / "data" / "services" / "database"
    files = [file for file in folder.rglob("*") if file.is_file()] if folder.exists() else []
    assert not any(secret in file.read_bytes() for file in files)
