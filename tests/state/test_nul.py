"""U+0000, which PostgreSQL has in no text: names with it are refused by name, and all that is kept as JSON keeps it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from dinrail_sdk.testing import OPENAI, FakeUpstream, serve

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLUGINS = [
    "batches",
    "blobs",
    "code-interpreter",
    "conversations",
    "database",
    "documents",
    "files",
    "jobs",
    "onnx-embeddings",
    "openai-compatible",
    "prompts",
    "responses",
    "sqlite-vec",
    "stored-completions",
    "vector-stores",
    "webhooks",
]
NUL = "a\0b"
MODEL = {"model": "one/kit-model"}
CHAT = {**MODEL, "messages": [{"role": "user", "content": "Hi."}], "store": True}
ENDPOINT = {"name": "a", "url": "https://example.com/", "event_types": ["batch.failed"]}
UPLOAD = {"filename": "a", "purpose": "user_data", "bytes": 5, "mime_type": "text/plain"}
BATCH = {"input_file_id": "{batch_file}", "endpoint": "/v1/chat/completions", "completion_window": "24h"}
MESSAGE = {"type": "message", "role": "user", "content": "Hi."}


class House:
    """A server, and an object of each kind.

    Args:
        http: A client of it.
    """

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http
        self._ids: dict[str, str] = {}

    async def make(self) -> None:
        """Make the objects."""
        for name, path, body in (
            ("store", "/v1/vector_stores", {"name": "a"}),
            ("conversation", "/v1/conversations", {}),
            ("endpoint", "/v1/webhook_endpoints", ENDPOINT),
            ("completion", "/v1/chat/completions", CHAT),
        ):
            self._ids[name] = (await self.ask(path, body))[1]["id"]
        for name, purpose in (("file", "user_data"), ("batch_file", "batch")):
            form = aiohttp.FormData({"purpose": purpose})
            form.add_field("file", b"hello", filename="a.txt")
            async with self._http.post("/v1/files", data=form) as answer:
                self._ids[name] = (await answer.json())["id"]

    async def ask(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        """Send a request, and return status and JSON of the answer; ``{kind}`` stands for ids, also in the body."""
        sent = {name: self._filled(value) for name, value in body.items()}
        async with self._http.post(self._filled(path), json=sent) as answer:
            return answer.status, await answer.json()

    async def look(self, path: str) -> Any:
        """What is kept."""
        async with self._http.get(self._filled(path)) as answer:
            return await answer.json()

    async def send_form(self, body: bytes) -> tuple[int, Any]:
        """Send a file as a form; what clients make of a name with U+0000 differs, so this is made by hand."""
        headers = {"content-type": "multipart/form-data; boundary=b"}
        async with self._http.post("/v1/files", data=body, headers=headers) as answer:
            return answer.status, await answer.json()

    def _filled(self, value: Any) -> Any:
        if isinstance(value, str) and value.startswith(("{", "/v1/")):
            return value.format_map(self._ids)
        return value


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(module_database_config: dict[str, Any]) -> AsyncIterator[House]:
    async with FakeUpstream.open(OPENAI) as upstream:
        providers = {"one": {"type": "openai-compatible", "base_url": upstream.url}}
        async with (
            serve(plugins=PLUGINS, config={"providers": providers, **module_database_config}) as served,
            aiohttp.ClientSession(served.origin) as http,
        ):
            one = House(http)
            await one.make()
            yield one


REFUSED: list[tuple[str, Mapping[str, Any], str]] = [
    ("/v1/vector_stores", {"name": NUL}, "name"),
    ("/v1/vector_stores/{store}", {"name": NUL}, "name"),
    ("/v1/vector_stores", {"provider_id": NUL}, "provider_id"),
    ("/v1/webhook_endpoints", {**ENDPOINT, "name": NUL}, "name"),
    ("/v1/webhook_endpoints/{endpoint}", {"name": NUL}, "name"),
    ("/v1/webhook_endpoints/{endpoint}", {"url": f"https://example.com/{NUL}"}, "url"),
    ("/v1/containers", {"name": NUL}, "name"),
    ("/v1/uploads", {**UPLOAD, "filename": NUL}, "filename"),
    ("/v1/uploads", {**UPLOAD, "mime_type": NUL}, "mime_type"),
    ("/v1/prompts", {"prompt": NUL}, "prompt"),
    ("/v1/prompts", {"prompt": "a", "variables": [NUL]}, "variables.0"),
    ("/v1/responses", {**MODEL, "input": [{**MESSAGE, "id": NUL}]}, "input.0.id"),
    ("/v1/responses", {**MODEL, "input": [{**MESSAGE, "id": NUL}], "background": True}, "input.0.id"),
    ("/v1/conversations", {"items": [{**MESSAGE, "id": NUL}]}, "items.0.id"),
    ("/v1/conversations/{conversation}/items", {"items": [MESSAGE, {**MESSAGE, "id": NUL}]}, "items.1.id"),
]
"""What is kept by itself, and looked for."""

KEPT: list[tuple[str, Mapping[str, Any], str]] = [
    *(
        (path, {**body, "metadata": {"a": NUL, NUL: "a"}}, "metadata")
        for path, body in (
            ("/v1/vector_stores", {}),
            ("/v1/vector_stores/{store}", {}),
            ("/v1/conversations", {}),
            ("/v1/conversations/{conversation}", {}),
            ("/v1/batches", BATCH),
            ("/v1/chat/completions/{completion}", {}),
            ("/v1/responses", {**MODEL, "input": "Hi."}),
        )
    ),
    ("/v1/vector_stores/{store}/files", {"file_id": "{file}", "attributes": {"a": NUL, NUL: "a"}}, "attributes"),
    ("/v1/responses", {**MODEL, "input": "Hi.", "instructions": NUL}, "instructions"),
    ("/v1/responses", {**MODEL, "input": "Hi.", "instructions": NUL, "background": True}, "instructions"),
]
"""What is kept within something larger, and handed back as it came."""


async def test_a_name_with_u0000_is_refused_by_its_field(house: House) -> None:
    for path, body, param in REFUSED:
        status, answer = await house.ask(path, body)
        assert (status, answer["error"].get("param")) == (400, param), (path, answer)
    parts = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
    for name in (b'filename="a\0b"', b"filename*=UTF-8''a%00b"):
        file = b'--b\r\nContent-Disposition: form-data; name="file"; ' + name + b"\r\n\r\nhello\r\n--b--\r\n"
        status, answer = await house.send_form(parts + file)
        assert (status, answer["error"]["param"]) == (400, "filename")


async def test_what_is_kept_as_json_comes_back_with_u0000(house: House) -> None:
    for path, body, field in KEPT:
        status, answer = await house.ask(path, body)
        assert (status, answer[field]) == (200, body[field]), (path, answer)
        if path.endswith("s") and "{" not in path:
            assert (await house.look(f"{path}/{answer['id']}"))[field] == body[field], path


async def test_texts_with_u0000_reach_the_model_stored_or_not(house: House) -> None:
    for store in (False, True):
        asked = {**CHAT, "messages": [{"role": "user", "content": NUL}], "store": store}
        status, completion = await house.ask("/v1/chat/completions", asked)
        assert status == 200
        status, response = await house.ask("/v1/responses", {**MODEL, "input": NUL, "store": store})
        assert status == 200
        if store:
            await _expect_kept(house, completion["id"], response["id"])


async def _expect_kept(house: House, completion_id: str, response_id: str) -> None:
    messages = await house.look(f"/v1/chat/completions/{completion_id}/messages")
    assert messages["data"][0]["content"] == NUL
    items = await house.look(f"/v1/responses/{response_id}/input_items")
    assert items["data"][0]["content"][0]["text"] == NUL


async def test_items_of_a_conversation_keep_u0000(house: House) -> None:
    status, made = await house.ask("/v1/conversations", {"items": [{**MESSAGE, "content": NUL}]})
    assert status == 200
    items = await house.look(f"/v1/conversations/{made['id']}/items")
    assert items["data"][0]["content"][0]["text"] == NUL
