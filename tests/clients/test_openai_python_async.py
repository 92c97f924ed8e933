"""OpenAI's package for Python, asynchronous: many requests at once, and ends that come early."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import openai
import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel

from dinrail_sdk.testing import Refused, Say, Spoken, ToolUse, Turn, Vectors, delivery

if TYPE_CHECKING:
    from conftest import Scripted, Server

pytestmark = pytest.mark.xdist_group("clients")

MODEL = "up/org/kit-model"


class Report(BaseModel):
    """What an answer is parsed into."""

    place: str
    degrees: float


@pytest.fixture
async def client(server: Server) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0, timeout=30) as client:
        yield client


def said(text: str) -> Any:
    return [{"role": "user", "content": text}]


async def test_many_chats_at_once_get_each_its_own_answer(client: AsyncOpenAI, upstream: Scripted) -> None:
    """Without a script the upstream repeats what it was told."""
    upstream.says(delivery=delivery.slow(0.05))
    answers = await asyncio.gather(
        *(client.chat.completions.create(model=MODEL, messages=said(f"number {n}")) for n in range(32))
    )
    assert [answer.choices[0].message.content for answer in answers] == [f"You said: number {n}" for n in range(32)]


async def test_many_streams_at_once_get_each_its_own_text(client: AsyncOpenAI, upstream: Scripted) -> None:
    upstream.says(delivery=delivery.paused(0.005))

    async def read(n: int) -> str:
        stream = await client.chat.completions.create(model=MODEL, messages=said(f"number {n}"), stream=True)
        return "".join([event.choices[0].delta.content or "" async for event in stream])

    assert await asyncio.gather(*map(read, range(16))) == [f"You said: number {n}" for n in range(16)]


async def test_many_clients_of_embeddings_get_each_their_own(client: AsyncOpenAI, upstream: Scripted) -> None:
    answers = await asyncio.gather(
        *(client.embeddings.create(model=MODEL, input=[f"{n} a", f"{n} b"], dimensions=16) for n in range(16))
    )
    found = {tuple(item.embedding) for answer in answers for item in answer.data}
    assert len(found) == 32
    again = await client.embeddings.create(model=MODEL, input=["3 a"], dimensions=16, encoding_format="float")
    assert tuple(again.data[0].embedding) == tuple(answers[3].data[0].embedding)


async def test_a_streamed_answer_is_parsed_into_a_class(client: AsyncOpenAI, upstream: Scripted) -> None:
    upstream.says(Spoken.of('{"place": "Oslo", "degrees": -3.5}'))
    answer = await client.chat.completions.parse(model=MODEL, messages=said("?"), response_format=Report)
    async with client.chat.completions.stream(model=MODEL, messages=said("?"), response_format=Report) as stream:
        final = await stream.get_final_completion()
    assert answer.choices[0].message.parsed == final.choices[0].message.parsed == Report(place="Oslo", degrees=-3.5)


async def test_a_tool_is_called_in_a_stream(client: AsyncOpenAI, upstream: Scripted) -> None:
    use = ToolUse(name="weather", arguments='{"place": "Oslo"}', id="call_1")
    upstream.says(Spoken(choices=(Say(text=None, calls=(use,), finish="tool_calls"),)))
    tool: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    async with client.chat.completions.stream(
        model=MODEL, messages=said("?"), tools=[tool], tool_choice="required"
    ) as stream:
        made = (await stream.get_final_completion()).choices[0].message.tool_calls or []
    assert [(call.id, call.function.arguments) for call in made] == [("call_1", '{"place": "Oslo"}')]
    assert upstream.asked[-1].tool_choice == "required"


async def test_models_are_listed_page_by_page(client: AsyncOpenAI) -> None:
    assert MODEL in [model.id async for model in client.models.list()]


async def test_errors_are_of_the_right_class(client: AsyncOpenAI, upstream: Scripted) -> None:
    with pytest.raises(openai.NotFoundError):
        await client.chat.completions.create(model="none", messages=said("?"))
    with pytest.raises(openai.BadRequestError) as bad:
        await client.embeddings.create(model=MODEL, input=[])
    assert bad.value.param == "input"
    upstream.says(Refused(status=429, retry_after=37))
    with pytest.raises(openai.RateLimitError) as limited:
        await client.embeddings.create(model=MODEL, input="x")
    assert limited.value.response.headers["retry-after"] == "37"


async def test_an_upstream_that_fails_in_mid_stream_is_an_error(client: AsyncOpenAI, upstream: Scripted) -> None:
    upstream.then(Turn(script=Spoken.of("Cold, with snow."), dies_after=2))
    stream = await client.chat.completions.create(model=MODEL, messages=said("?"), stream=True)
    with pytest.raises(openai.APIError) as caught:
        await asyncio.wait_for(_exhaust(stream), 10)
    assert caught.value.code == "upstream_failed"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_task_that_is_cancelled_ends_the_upstreams_work(
    client: AsyncOpenAI, upstream: Scripted, stream: bool
) -> None:
    upstream.says(Spoken.of("word " * 400), delivery.paused(0.1) if stream else delivery.stalled())
    begun = asyncio.Event()

    async def ask() -> None:
        answer: Any = await client.chat.completions.create(model=MODEL, messages=said("?"), stream=stream)
        async for _ in answer:
            begun.set()

    task = asyncio.create_task(ask())
    async with asyncio.timeout(10):
        if stream:
            await begun.wait()
        while not upstream.asked:
            await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await asyncio.to_thread(upstream.wait_until_left)


async def test_a_client_that_loses_patience_ends_the_upstreams_work(client: AsyncOpenAI, upstream: Scripted) -> None:
    upstream.says(Vectors(vectors=((1.0,),)), delivery.slow(20))
    with pytest.raises(openai.APITimeoutError):
        await client.with_options(timeout=0.3).embeddings.create(model=MODEL, input="x")
    await asyncio.to_thread(upstream.wait_until_left)


async def _exhaust(stream: Any) -> None:
    async for _ in stream:
        pass
