"""Conversations through OpenAI's package, and what is sent over HTTP."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import openai
import pytest
from jsonschema import Draft202012Validator

from dinrail_sdk.testing import Served

EVERYTHING: Any = [
    "file_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
]


async def test_openais_package_drives_conversations(served: Served) -> None:
    async with served.openai() as client:
        conversation = await client.conversations.create(
            items=[{"type": "message", "role": "user", "content": "Hello!"}], metadata={"topic": "demo"}
        )
        assert conversation.object == "conversation"
        assert conversation.metadata == {"topic": "demo"}
        assert await client.conversations.retrieve(conversation.id) == conversation
        updated = await client.conversations.update(conversation.id, metadata={"topic": "new"})
        assert updated.metadata == {"topic": "new"}

        added = await client.conversations.items.create(
            conversation.id,
            items=[
                {"role": "assistant", "content": "How are you?"},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "12"},
            ],
        )
        assert [item.type for item in added.data] == ["message", "function_call", "function_call_output"]
        items = [item async for item in client.conversations.items.list(conversation.id, limit=1, order="asc")]
        assert [item.type for item in items] == ["message", "message", "function_call", "function_call_output"]
        first: Any = items[0]
        assert first.content[0].text == "Hello!"
        newest = await client.conversations.items.list(conversation.id, limit=2)
        assert [item.id for item in newest.data] == [item.id for item in items[:1:-1]]
        assert newest.has_more

        one: Any = await client.conversations.items.retrieve(str(first.id), conversation_id=conversation.id)
        assert one == first
        left = await client.conversations.items.delete(str(first.id), conversation_id=conversation.id)
        assert left.id == conversation.id
        with pytest.raises(openai.NotFoundError) as gone:
            await client.conversations.items.retrieve(str(first.id), conversation_id=conversation.id)
        assert gone.value.param == "item_id"
        deleted = await client.conversations.delete(conversation.id)
        assert (deleted.id, deleted.object, deleted.deleted) == (conversation.id, "conversation.deleted", True)
        with pytest.raises(openai.NotFoundError):
            await client.conversations.retrieve(conversation.id)


async def test_what_may_be_asked_for_is_told_when_it_is_asked_for(served: Served) -> None:
    async with served.openai() as client:
        conversation = await client.conversations.create()
        image: Any = {"type": "input_image", "image_url": "https://example.org/a.png", "detail": "auto"}
        added = await client.conversations.items.create(
            conversation.id, items=[{"role": "user", "content": [image]}], include=EVERYTHING
        )
        item: Any = added.data[0]
        assert item.content[0].image_url == image["image_url"]
        plain: Any = await client.conversations.items.retrieve(item.id, conversation_id=conversation.id)
        assert plain.content[0].image_url is None
        asked: Any = await client.conversations.items.retrieve(
            item.id, conversation_id=conversation.id, include=["message.input_image.image_url"]
        )
        assert asked.content[0].image_url == image["image_url"]
        page: Any = await client.conversations.items.list(conversation.id, include=EVERYTHING)
        assert page.data[0].content[0].image_url == image["image_url"]


async def test_a_body_is_needed_only_where_something_has_to_be_said(served: Served) -> None:
    async with aiohttp.ClientSession(f"{served.origin}/v1/") as session:
        async with session.post("conversations", skip_auto_headers=["Content-Type"]) as answer:
            assert answer.status == 200
            made = await answer.json()
            assert made["metadata"] == {}
        async with session.post("conversations", json={"items": None, "metadata": None}) as answer:
            assert answer.status == 200
        for path in (f"conversations/{made['id']}", f"conversations/{made['id']}/items"):
            async with session.post(path, skip_auto_headers=["Content-Type"]) as answer:
                assert answer.status == 400
            async with session.post(path, json={}) as answer:
                assert answer.status == 400
                assert (await answer.json())["error"]["param"] == ("items" if path.endswith("items") else "metadata")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"items": [{"role": "user", "content": "x"}, {"type": "telepathy"}]}, "items.1.type"),
        ({"items": [{"type": "compaction_trigger"}]}, "items.0.type"),
        (
            {"items": [{"type": "mcp_approval_response", "id": "a\0", "approval_request_id": "x", "approve": True}]},
            "items.0.id",
        ),
        ({"items": [{"role": "user", "content": "x"}] * 21}, "items"),
        ({"items": {"role": "user", "content": "x"}}, "items"),
        ({"metadata": {str(number): "x" for number in range(17)}}, "metadata"),
        ({"metadata": {"k" * 65: "x"}}, "metadata"),
        ({"metadata": {"k": "x" * 513}}, "metadata.k"),
        ({"metadata": {"k": 1}}, "metadata.k"),
    ],
)
async def test_bad_bodies_are_400_and_name_the_place(served: Served, body: dict[str, Any], param: str) -> None:
    async with (
        aiohttp.ClientSession(f"{served.origin}/v1/") as session,
        session.post("conversations", json=body) as answer,
    ):
        assert answer.status == 400
        error = (await answer.json())["error"]
        assert str(error["param"]).startswith(param)


async def test_bad_queries_are_400_and_name_the_parameter(served: Served) -> None:
    async with aiohttp.ClientSession(f"{served.origin}/v1/") as session:
        async with session.post("conversations", json={}) as answer:
            key = (await answer.json())["id"]
        for query, param in (
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("order=up", "order"),
            ("include[]=everything", "include"),
            ("after=msg_0", "after"),
            ("after=%00", "after"),
        ):
            async with session.get(f"conversations/{key}/items?{query}") as answer:
                assert answer.status == 400, query
                assert str((await answer.json())["error"]["param"]).startswith(param)


async def test_answers_are_what_the_description_says(served: Served) -> None:
    async with aiohttp.ClientSession(served.origin) as session:
        async with session.get("/openapi.json") as answer:
            document = json.loads(await answer.read())

        def check(method: str, path: str, body: Any) -> Any:
            schema = document["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
            Draft202012Validator({**schema, "components": document["components"]}).validate(body)
            return body

        whole, items = "/v1/conversations/{conversation_id}", "/v1/conversations/{conversation_id}/items"
        async with session.post("/v1/conversations", json={"metadata": {"a": "b"}}) as answer:
            made = check("post", "/v1/conversations", await answer.json())
        here = f"/v1/conversations/{made['id']}"
        async with session.get(f"{here}/items") as answer:
            check("get", items, await answer.json())
        added = {"items": [{"role": "user", "content": "x"}, {"type": "reasoning", "summary": []}]}
        async with session.post(f"{here}/items", json=added) as answer:
            first, second = check("post", items, await answer.json())["data"]
        async with session.get(f"{here}/items/{first['id']}") as answer:
            check("get", f"{items}/{{item_id}}", await answer.json())
        async with session.delete(f"{here}/items/{second['id']}") as answer:
            check("delete", f"{items}/{{item_id}}", await answer.json())
        async with session.get(here) as answer:
            check("get", whole, await answer.json())
        async with session.post(here, json={"metadata": {}}) as answer:
            check("post", whole, await answer.json())
        async with session.delete(here) as answer:
            check("delete", whole, await answer.json())
