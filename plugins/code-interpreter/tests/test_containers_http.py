"""Containers as OpenAI's client uses them, over HTTP."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import aiohttp
import openai
import pytest

from dinrail_sdk.testing import Served, serve

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def sent(served: Served, method: str, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession(served.origin) as http, http.request(method, path, **body) as answer:
        return answer.status, await answer.json()


async def made(served: Served) -> str:
    status, container = await sent(served, "POST", "/v1/containers", json={"name": "mine"})
    assert status == 200
    return str(container["id"])


async def test_containers_and_their_files_as_openais_client_has_them(served: Served) -> None:
    async with served.openai() as client:
        kept = await client.files.create(file=("facts.txt", b"facts"), purpose="user_data")
        container = await client.containers.create(
            name="mine", file_ids=[kept.id], expires_after={"anchor": "last_active_at", "minutes": 5}, memory_limit="1g"
        )
        told = await client.containers.retrieve(container.id)
        assert (told.id, told.name) == (container.id, "mine")
        assert (told.memory_limit, told.expires_after and told.expires_after.minutes) == ("1g", 5)
        assert [one.id async for one in client.containers.list(name="mine", limit=1)] == [container.id]
        uploaded = await client.containers.files.create(container.id, file=("a;b.csv", b"1,2"))
        again = await client.containers.files.create(container.id, file_id=kept.id)
        assert (uploaded.path, uploaded.bytes, uploaded.source) == ("/mnt/data/a;b.csv", 3, "user")
        listed = [one.id async for one in client.containers.files.list(container.id, order="asc", limit=2)]
        assert len(listed) == 3
        assert listed[1:] == [uploaded.id, again.id]
        file = await client.containers.files.retrieve(uploaded.id, container_id=container.id)
        assert file.model_dump() == uploaded.model_dump()
        content = await client.containers.files.content.retrieve(uploaded.id, container_id=container.id)
        assert content.read() == b"1,2"
        assert "a;b.csv" in content.response.headers["content-disposition"]
        await client.containers.files.delete(uploaded.id, container_id=container.id)
        with pytest.raises(openai.NotFoundError):
            await client.containers.files.retrieve(uploaded.id, container_id=container.id)
        await client.containers.delete(container.id)
        with pytest.raises(openai.NotFoundError):
            await client.containers.retrieve(container.id)


async def test_a_range_of_a_file_is_fetched(served: Served) -> None:
    container_id = await made(served)
    async with served.openai() as client:
        file = await client.containers.files.create(container_id, file=("a.txt", b"0123456789"))
        part = await client.containers.files.content.retrieve(
            file.id, container_id=container_id, extra_headers={"range": "bytes=2-4"}
        )
    assert (part.response.status_code, part.read()) == (206, b"234")


async def test_a_file_that_is_copied_with_a_key_is_copied_once(served: Served) -> None:
    container_id = await made(served)
    async with served.openai() as client:
        kept = await client.files.create(file=("facts.txt", b"facts"), purpose="user_data")
        path, key = f"/v1/containers/{container_id}/files", {"idempotency-key": "once"}
        first = await sent(served, "POST", path, json={"file_id": kept.id}, headers=key)
        assert first[0] == 200
        assert await sent(served, "POST", path, json={"file_id": kept.id}, headers=key) == first
        assert (await sent(served, "POST", path, json={"file_id": "file-other"}, headers=key))[0] == 422
        assert len([one async for one in client.containers.files.list(container_id)]) == 1


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": 1}, "name"),
        ({"name": "a" * 513}, "name"),
        ({"name": "a", "file_ids": ["file-missing"]}, "file_ids.0"),
        ({"name": "a", "file_ids": "file-1"}, "file_ids"),
        ({"name": "a", "memory_limit": "2g"}, "memory_limit"),
        ({"name": "a", "memory_limit": "64g"}, "memory_limit"),
        ({"name": "a", "expires_after": {"anchor": "last_active_at", "minutes": 0}}, "expires_after.minutes"),
        ({"name": "a", "expires_after": {"anchor": "created_at", "minutes": 1}}, "expires_after.anchor"),
        ({"name": "a", "network_policy": {"type": "allowlist", "allowed_domains": ["a.example"]}}, "network_policy"),
        ({"name": "a", "skills": [{"type": "skill_reference", "skill_id": "s"}]}, "skills"),
    ],
)
async def test_a_container_that_cannot_be_had_is_refused(served: Served, body: Any, param: str) -> None:
    status, answer = await sent(served, "POST", "/v1/containers", json=body)
    assert status in (400, 404)
    assert answer["error"]["param"] == param


async def test_a_file_comes_along_or_is_named(served: Served) -> None:
    path = f"/v1/containers/{await made(served)}/files"
    for fields, status, param in (
        ({}, 400, "file_id"),
        ({"file": "not a file"}, 400, "file"),
        ({"file_id": "file-missing"}, 404, "file_id"),
    ):
        with aiohttp.MultipartWriter("form-data") as form:
            for name, value in fields.items():
                form.append(value).set_content_disposition("form-data", name=name)
            form.append("more").set_content_disposition("form-data", name="more")
            told = await sent(served, "POST", path, data=form)
        assert (told[0], told[1]["error"]["param"]) == (status, param)
    both = aiohttp.FormData({"file_id": "file-1"})
    both.add_field("file", b"a", filename="a.txt")
    behind = aiohttp.FormData()
    behind.add_field("file", b"a", filename="a.txt")
    behind.add_field("file_id", "file-1")
    for form_data in (both, behind):
        status, answer = await sent(served, "POST", path, data=form_data)
        assert (status, answer["error"]["param"]) == (400, "file_id")
    assert (await sent(served, "POST", path, json={"file_id": 1}))[1]["error"]["param"] == "file_id"
    large = aiohttp.FormData()
    large.add_field("file", BytesIO(b"a" * (2**20 + 1)), filename="a.txt")
    assert (await sent(served, "POST", path, data=large))[0] == 413
    assert (await sent(served, "GET", path))[1]["data"] == [], "nothing of what was refused is kept"


async def test_lists_are_asked_for_properly(served: Served) -> None:
    container_id = await made(served)
    for path in ("/v1/containers", f"/v1/containers/{container_id}/files"):
        for query in ("limit=0", "limit=101", "limit=x", "order=up"):
            status, answer = await sent(served, "GET", f"{path}?{query}")
            assert (status, answer["error"]["param"]) == (400, query.partition("=")[0])


async def test_a_server_without_containers_says_what_to_enable() -> None:
    async with serve(plugins=("database",)) as bare:
        status, answer = await sent(bare, "POST", "/v1/containers", json={"name": "a"})
    assert status == 404
    assert answer["error"]["code"] == "not_installed"
    assert "Containers" in answer["error"]["message"]
