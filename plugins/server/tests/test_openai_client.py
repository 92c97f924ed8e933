"""What OpenAI's own package sees."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam

from dinrail_core.errors import (
    ContextLengthExceeded,
    PermissionDenied,
    RateLimited,
    Unauthenticated,
    UpstreamFailed,
    UpstreamTimeout,
)

if TYPE_CHECKING:
    from conftest import Running, Scripted, Start

USER: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hi"}]


@pytest.fixture
async def running(start: Start) -> Running:
    return await start()


@pytest.fixture
async def client(running: Running) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=running.url, api_key="none", max_retries=0) as client:
        yield client


async def test_a_chat_is_answered(client: AsyncOpenAI, provider: Scripted) -> None:
    answer = await client.chat.completions.create(model="local/m", messages=USER)
    assert answer.choices[0].message.content == "Hello."
    assert provider.asked[0].model == "m", "the provider sees the upstream's own name"


async def test_a_chat_is_streamed(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(model="local/m", messages=USER, stream=True)
    text = "".join([event.choices[0].delta.content or "" async for event in stream])
    assert text == "Hello."


async def test_unknown_fields_of_a_request_reach_the_provider(client: AsyncOpenAI, provider: Scripted) -> None:
    await client.chat.completions.create(model="m", messages=USER, extra_body={"min_p": 0.1})
    assert provider.asked[0].model_extra == {"min_p": 0.1}


async def test_texts_are_completed_whole_and_streamed(client: AsyncOpenAI) -> None:
    answer = await client.completions.create(model="m", prompt="Say hi")
    assert answer.choices[0].text == "Hi."
    stream = await client.completions.create(model="m", prompt="Say hi", stream=True)
    assert [event.choices[0].text async for event in stream] == ["Hi."]


async def test_embeddings_come_in_the_base64_that_the_package_asks_for(client: AsyncOpenAI, provider: Scripted) -> None:
    answer = await client.embeddings.create(model="m", input=["a"])
    assert answer.data[0].embedding == [1.0, 2.0]
    assert provider.asked[0].encoding_format == "base64"


async def test_moderation_without_a_model_takes_the_only_one(
    client: AsyncOpenAI, provider: Scripted, rail: object
) -> None:
    rail.names = ["m"]  # type: ignore[attr-defined]  # of the test's own class
    await client.moderations.create(input="x")
    assert provider.asked[0].model == "m"


async def test_models_are_listed_and_found_by_ids_with_slashes(client: AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == ["local/m", "local/org/m"]
    assert (await client.models.retrieve("local/org/m")).id == "local/org/m"


async def test_an_unknown_model_is_not_found(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        await client.chat.completions.create(model="nope", messages=USER)
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"
    assert caught.value.type == "invalid_request_error"


@pytest.mark.parametrize(
    ("raised", "seen"),
    [
        (ContextLengthExceeded("Too long.", param="messages"), openai.BadRequestError),
        (Unauthenticated("Who?"), openai.AuthenticationError),
        (PermissionDenied("No."), openai.PermissionDeniedError),
        (RateLimited("Slow down.", retry_after=7), openai.RateLimitError),
        (UpstreamFailed("It failed."), openai.InternalServerError),
        (UpstreamTimeout("It slept."), openai.InternalServerError),
    ],
)
async def test_errors_are_the_classes_that_the_package_has(
    client: AsyncOpenAI, provider: Scripted, raised: Exception, seen: type[openai.APIStatusError]
) -> None:
    async def fail() -> None:
        raise raised

    provider.before = fail
    with pytest.raises(seen) as caught:
        await client.chat.completions.create(model="m", messages=USER)
    assert caught.value.code == raised.code  # type: ignore[attr-defined]  # of the test's own class
    assert caught.value.request_id
    if isinstance(raised, RateLimited):
        assert caught.value.response.headers["retry-after"] == "7"


async def test_the_package_waits_as_retry_after_says(running: Running, provider: Scripted) -> None:
    async def fail_once() -> None:
        if len(provider.asked) == 1:
            raise RateLimited("Slow down.", retry_after=0)

    provider.before = fail_once
    async with AsyncOpenAI(base_url=running.url, api_key="none", max_retries=1) as client:
        await client.chat.completions.create(model="m", messages=USER)
    assert len(provider.asked) == 2


async def test_an_error_within_a_stream_is_raised(client: AsyncOpenAI, provider: Scripted) -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[]}\n\n'
        raise UpstreamFailed("It broke off.")

    provider.pieces = pieces
    stream = await client.chat.completions.create(model="m", messages=USER, stream=True)
    with pytest.raises(openai.APIError, match="It broke off"):
        async for _ in stream:
            pass


async def test_a_stream_that_the_client_closes_ends_the_upstream(client: AsyncOpenAI, provider: Scripted) -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        while True:
            yield b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[]}\n\n'
            await asyncio.sleep(0.01)

    provider.pieces = pieces
    stream = await client.chat.completions.create(model="m", messages=USER, stream=True)
    async for _ in stream:
        break
    await stream.close()
    await asyncio.wait_for(provider.closed.wait(), 1)
