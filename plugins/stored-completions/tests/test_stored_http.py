"""Stored completions through OpenAI's package, and what is sent over HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import openai
import pytest
from jsonschema import Draft202012Validator

from dinrail_sdk.testing import FakeUpstream, Gate, Say, Served, Spoken, Tokens, ToolUse, serve
from dinrail_sdk.testing.databases import PostgreSQL
from dinrail_sdk.testing.delivery import Delivery, cut, stalled

MODEL = "one/kit-model"
CALL = ToolUse(name="f", arguments='{"a": 1}')
HELLO: Any = [{"role": "user", "content": "Hello."}]


async def answered(served: Served, **more: Any) -> Any:
    async with served.openai() as client:
        return await client.chat.completions.create(**{"model": MODEL, "messages": HELLO, "store": True, **more})


async def streamed(served: Served, **more: Any) -> list[Any]:
    async with served.openai() as client:
        asked = {"model": MODEL, "messages": HELLO, "store": True, "stream": True, **more}
        return [chunk async for chunk in await client.chat.completions.create(**asked)]


async def everything(served: Served, **query: Any) -> list[Any]:
    async with served.openai() as client:
        return [one async for one in client.chat.completions.list(**query)]


async def test_openais_package_drives_stored_completions(served: Served, upstream: FakeUpstream) -> None:
    upstream.says(Spoken.of("Bonjour."))
    async with served.openai() as client:
        made = await client.chat.completions.create(
            model=MODEL, messages=HELLO, store=True, metadata={"topic": "demo"}, temperature=0.5, seed=7
        )
        found: Any = await client.chat.completions.retrieve(made.id)
        assert found.choices == made.choices
        assert found.usage == made.usage
        assert (found.metadata, found.temperature, found.seed, found.top_p) == ({"topic": "demo"}, 0.5, 7, None)
        assert found.request_id == made._request_id
        updated: Any = await client.chat.completions.update(made.id, metadata={"topic": "new"})
        assert updated.metadata == {"topic": "new"}
        assert updated.choices == made.choices
        (listed,) = (await client.chat.completions.list(metadata={"topic": "new"})).data
        assert listed == updated
        (message,) = (await client.chat.completions.messages.list(made.id)).data
        assert (message.id, message.role, message.content) == (f"{made.id}-0", "user", "Hello.")
        deleted = await client.chat.completions.delete(made.id)
        assert (deleted.id, deleted.object, deleted.deleted) == (made.id, "chat.completion.deleted", True)
        for gone in (
            client.chat.completions.retrieve(made.id),
            client.chat.completions.update(made.id, metadata={}),
            client.chat.completions.delete(made.id),
        ):
            with pytest.raises(openai.NotFoundError) as missing:
                await gone
            assert missing.value.param == "completion_id"
        with pytest.raises(openai.NotFoundError):
            await client.chat.completions.messages.list(made.id)


@pytest.mark.parametrize("store", [False, None, openai.omit])
@pytest.mark.parametrize("stream", [False, True])
async def test_nothing_stays_of_an_answer_that_nobody_wanted_kept(served: Served, store: Any, stream: bool) -> None:
    if stream:
        (first, *_) = await streamed(served, store=store)
    else:
        first = await answered(served, store=store)
    assert await everything(served) == []
    async with served.openai() as client:
        with pytest.raises(openai.NotFoundError):
            await client.chat.completions.retrieve(first.id)


@pytest.mark.parametrize(
    "script",
    [
        Spoken.of("Bonjour, 世界 \U0001f600.\n"),
        Spoken(choices=(Say(text="one"), Say(text="two words"))),
        Spoken(
            choices=(
                Say(text=None, reasoning="Hmm.", calls=(ToolUse(name="f", arguments='{"a": 1}'),), finish="tool_calls"),
            )
        ),
    ],
)
async def test_a_stream_leaves_what_the_whole_answer_would_have_left(
    served: Served, upstream: FakeUpstream, script: Spoken
) -> None:
    upstream.says(script)
    n = len(script.choices)
    whole = await answered(served, n=n)
    chunks = await streamed(served, n=n, stream_options={"include_usage": True})
    assert len({chunk.id for chunk in chunks}) == 1
    assert whole.id != chunks[0].id
    first, second = await everything(served)
    assert (first.id, second.id) == (whole.id, chunks[0].id)
    assert [choice.message for choice in second.choices] == [choice.message for choice in first.choices]
    assert [choice.finish_reason for choice in second.choices] == [choice.finish_reason for choice in first.choices]
    assert (first.usage.total_tokens, second.usage.total_tokens) == (Tokens().total, Tokens().total)


async def test_chunks_are_not_held_up_and_the_end_says_that_the_answer_is_stored(
    served: Served, upstream: FakeUpstream
) -> None:
    await answered(served, store=False)  # models are listed once, which is no answer to be held up
    gate = Gate()
    upstream.says(Spoken.of("a b c d"), Delivery(gate=gate))
    async with served.openai() as client:
        gate.open(2)
        stream = await client.chat.completions.create(model=MODEL, messages=HELLO, store=True, stream=True)
        seen = [await asyncio.wait_for(anext(stream), 10)]
        await asyncio.wait_for(gate.waiting.wait(), 10)
        assert await everything(served) == [], "what is not whole is not there"
        gate.open(100)
        seen += [chunk async for chunk in stream]
        found = await client.chat.completions.retrieve(seen[0].id)
    assert found.choices[0].message.content == "a b c d"


async def test_of_an_answer_that_broke_off_nothing_stays(served: Served, upstream: FakeUpstream) -> None:
    upstream.says(Spoken.of("a b c d e f"), cut(3))
    with pytest.raises(openai.APIError):
        await streamed(served)
    upstream.says(Spoken.of("a"), cut(-1))
    with pytest.raises(openai.APIError):
        await answered(served)
    assert await everything(served) == []


async def test_of_an_answer_whose_client_left_nothing_stays(served: Served, upstream: FakeUpstream) -> None:
    await answered(served, store=False)
    upstream.says(Spoken.of("a b c d e f"), stalled(3))
    async with served.openai() as client:
        stream = await client.chat.completions.create(model=MODEL, messages=HELLO, store=True, stream=True)
        await anext(stream)
        await stream.close()
    await asyncio.wait_for(upstream.received[-1].exchange.left.wait(), 10)
    assert await everything(served) == []


async def test_the_upstream_is_not_asked_to_store_and_sees_no_metadata(served: Served, upstream: FakeUpstream) -> None:
    made = await answered(served, metadata={"a": "b"})
    sent = json.loads(upstream.received[-1].request.body)
    assert "store" not in sent
    assert "metadata" not in sent
    upstream.says(
        Spoken.of(
            "same",
        )
    )
    again = await answered(served)
    assert made.id != again.id, "although the upstream may say one id for all"


async def test_lists_are_narrowed_by_model_and_metadata(served: Served) -> None:
    made = [
        (await answered(served, metadata=metadata)).id
        for metadata in ({"a": "x"}, {"a": "X", "b": "2"}, {"b": "2", "a": "x"}, {'"],["': "\n", "é[k]": "ü&=#"})
    ]
    for query, numbers in (
        ({"metadata": {"a": "x"}}, [0, 2]),
        ({"metadata": {"a": "x", "b": "2"}}, [2]),
        ({"metadata": {"x": "a"}}, []),
        ({"metadata": {'"],["': "\n"}}, [3]),
        ({"metadata": {"é[k]": "ü&=#"}}, [3]),
        ({"model": MODEL}, [0, 1, 2, 3]),
        ({"model": "kit-model"}, [0, 1, 2, 3]),
        ({"model": "KIT-model"}, []),
        ({"order": "desc"}, [3, 2, 1, 0]),
        ({"limit": 1}, [0, 1, 2, 3]),
        ({"after": made[1], "limit": 1}, [2, 3]),
    ):
        assert [one.id for one in await everything(served, **query)] == [made[number] for number in numbers], query


async def test_messages_are_what_was_sent_in_pages(served: Served) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    called = {"name": "f", "arguments": ""}
    sent: Any = [
        {"role": "system", "content": "Be brief.", "x_unknown": 1},
        {"role": "user", "content": [{"type": "text", "text": "Look."}, image], "name": "ann"},
        {
            "role": "assistant",
            "tool_calls": [{"id": "c", "type": "function", "function": called}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "12"},
    ]
    made = await answered(served, messages=sent)
    async with served.openai() as client:
        messages: list[Any] = [one async for one in client.chat.completions.messages.list(made.id, limit=1)]
        assert [one.id for one in messages] == [f"{made.id}-{number}" for number in range(4)]
        assert [one.role for one in messages] == ["system", "user", "assistant", "tool"]
        assert (messages[0].content, messages[0].content_parts, messages[0].x_unknown) == ("Be brief.", None, 1)
        assert (messages[1].content, messages[1].name) == (None, "ann")
        assert [part.type for part in messages[1].content_parts] == ["text", "image_url"]
        assert messages[2].tool_calls[0].id == "c"
        assert messages[3].tool_call_id == "c"
        newest = await client.chat.completions.messages.list(made.id, order="desc", limit=2)
        assert [one.id for one in newest.data] == [f"{made.id}-3", f"{made.id}-2"]
        with pytest.raises(openai.BadRequestError) as refused:
            await client.chat.completions.messages.list(made.id, after=f"{made.id}-4")
        assert refused.value.param == "after"


@pytest.mark.parametrize(
    ("method", "path", "body", "param"),
    [
        ("GET", "?limit=0", None, "limit"),
        ("GET", "?limit=101", None, "limit"),
        ("GET", "?order=up", None, "order"),
        ("GET", f"?metadata[k]={'x' * 513}", None, "metadata.k"),
        ("GET", f"?metadata[{'k' * 65}]=x", None, "metadata"),
        ("GET", "/{id}/messages?limit=x", None, "limit"),
        ("GET", "/{id}/messages?after=msg", None, "after"),
        ("POST", "/{id}", {}, "metadata"),
        ("POST", "/{id}", {"metadata": {"a": 1}}, "metadata.a"),
        ("POST", "/{id}", {"metadata": {str(number): "x" for number in range(17)}}, "metadata"),
        ("POST", "/{id}", {"metadata": "x"}, "metadata"),
    ],
)
async def test_bad_requests_are_400_and_name_the_place(
    served: Served, method: str, path: str, body: Any, param: str
) -> None:
    made = await answered(served)
    url = f"{served.url}/chat/completions{path.replace('{id}', made.id)}"
    async with aiohttp.ClientSession() as session, session.request(method, url, json=body) as answer:
        error = (await answer.json())["error"]
        assert answer.status == 400
        assert str(error["param"]).startswith(param)


@pytest.mark.parametrize("identity", ["chatcmpl-0", "%00", "x" * 500, "chatcmpl-%F0%9F%98%80"])
async def test_what_is_no_id_is_a_404(served: Served, identity: str) -> None:
    async with aiohttp.ClientSession() as session:
        for path in ("", "/messages"):
            async with session.get(f"{served.url}/chat/completions/{identity}{path}") as answer:
                assert answer.status == 404
                assert (await answer.json())["error"]["param"] == "completion_id"


async def test_answers_are_what_the_description_says(served: Served) -> None:
    made = await answered(served)
    async with aiohttp.ClientSession(served.origin) as session:
        async with session.get("/openapi.json") as answer:
            document = json.loads(await answer.read())

        async def check(method: str, path: str, body: Any = None) -> None:
            async with session.request(method, path.replace("{completion_id}", made.id), json=body) as answer:
                found = await answer.json()
            described = document["paths"][path][method.lower()]["responses"]["200"]["content"]["application/json"]
            Draft202012Validator({**described["schema"], "components": document["components"]}).validate(found)

        one = "/v1/chat/completions/{completion_id}"
        await check("GET", "/v1/chat/completions")
        await check("GET", one)
        await check("POST", one, {"metadata": None})
        await check("GET", f"{one}/messages")
        await check("DELETE", one)
        await check("GET", "/v1/chat/completions")


async def test_without_the_service_the_upstream_is_asked_as_it_stands(upstream: FakeUpstream) -> None:
    providers = {"one": {"type": "openai-compatible", "base_url": upstream.url}}
    async with serve(plugins=["openai-compatible"], config={"providers": providers}) as served:
        made = await answered(served, metadata={"a": "b"})
        assert made.choices[0].message.content
        sent = json.loads(upstream.received[-1].request.body)
        assert (sent["store"], sent["metadata"]) == (True, {"a": "b"})
        with pytest.raises(openai.APIStatusError) as refused:
            await everything(served)
        assert refused.value.status_code == 404


async def test_while_the_database_is_away_no_model_is_asked_for_what_cannot_be_kept(
    own_postgresql: PostgreSQL, upstream: FakeUpstream
) -> None:
    config = {
        "providers": {"one": {"type": "openai-compatible", "base_url": upstream.url}},
        "services": {"database": {"url": own_postgresql.create()}},
    }
    async with serve(plugins=["database", "openai-compatible", "stored-completions"], config=config) as served:
        await answered(served)
        asked = len(upstream.received)
        await asyncio.to_thread(own_postgresql.stop)
        with pytest.raises(openai.APIStatusError) as refused:
            await answered(served)
        assert (refused.value.status_code, refused.value.response.headers["retry-after"]) == (503, "1")
        assert len(upstream.received) == asked
        assert (await answered(served, store=False)).choices
        # An answer that was under way when the database went has an end that says so.
        await asyncio.to_thread(own_postgresql.start)
        gate = Gate()
        upstream.says(Spoken.of("a b c"), Delivery(gate=gate))
        async with served.openai(max_retries=9) as client:
            gate.open(2)
            stream = await client.chat.completions.create(model=MODEL, messages=HELLO, store=True, stream=True)
            await anext(stream)
            await asyncio.to_thread(own_postgresql.stop)
            gate.open(100)
            with pytest.raises(openai.APIError) as broken:
                [chunk async for chunk in stream]
        assert broken.value.type == "service_unavailable_error"
