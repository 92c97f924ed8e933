from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.errors import UpstreamError, UpstreamInvalid, UpstreamRefused, UpstreamUnavailable
from dinrail_sdk.testing import FakeUpstream, open_alone
from dinrail_sdk.testing.dialects.watsonx import WATSONX_WIRE
from dinrail_sdk.upstream import UpstreamConfig, connect
from dinrail_watsonx.plugin import WATSONX
from dinrail_watsonx.tokens import CloudTokens

if TYPE_CHECKING:
    from conftest import Script

CHAT = ChatRequest.model_validate({"model": "m", "messages": [{"role": "user", "content": "Hi."}]})
KEY = "key-of-the-kit+/="


class Clock:
    """A clock that is set by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def source(iam: Script, clock: Clock) -> AsyncIterator[CloudTokens]:
    async with connect(UpstreamConfig.model_validate({"base_url": iam.url, "max_retries": 0})) as upstream:
        yield CloudTokens(upstream, KEY, clock)


async def test_a_token_is_fetched_once_for_all_who_ask_and_replaced_before_it_ends(iam: Script) -> None:
    clock = Clock()
    async with source(iam, clock) as tokens:
        assert await asyncio.gather(*(tokens.current() for _ in range(5))) == ["token-1"] * 5
        clock.now += 2879
        assert await tokens.current() == "token-1"
        clock.now += 2
        assert await asyncio.gather(*(tokens.current() for _ in range(5))) == ["token-2"] * 5
    assert iam.given == 2
    assert not iam.strays


async def test_one_who_leaves_while_a_token_is_fetched_holds_up_nobody(iam: Script) -> None:
    async with source(iam, Clock()) as tokens:
        leaving = asyncio.create_task(tokens.current())
        await asyncio.sleep(0)
        staying = asyncio.create_task(tokens.current())
        await asyncio.sleep(0)
        leaving.cancel()
        async with asyncio.timeout(5):
            assert (await staying).startswith("token-")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, UpstreamRefused), (401, UpstreamRefused), (429, UpstreamUnavailable), (503, UpstreamUnavailable)],
)
async def test_a_refusal_is_the_operators_matter_and_the_key_is_not_told(
    iam: Script, status: int, kind: type[UpstreamError]
) -> None:
    iam.refusal = status
    async with source(iam, Clock()) as tokens:
        with pytest.raises(kind) as caught:
            await tokens.current()
        assert KEY not in str(caught.value)
        iam.refusal = None
        assert await tokens.current() == "token-1"


@pytest.mark.parametrize(
    "body",
    [
        [1],
        {"access_token": "t"},
        {"access_token": "", "expires_in": 9},
        {"access_token": "t", "expires_in": "x"},
        {"access_token": "t", "expires_in": "nan"},
        {"access_token": "t", "expires_in": 0},
    ],
)
async def test_an_answer_without_a_token_is_said_to_be_invalid(iam: Script, body: Any) -> None:
    iam.body = body
    async with source(iam, Clock()) as tokens:
        with pytest.raises(UpstreamInvalid):
            await tokens.current()


async def test_requests_carry_the_token_and_never_the_key(iam: Script) -> None:
    async with FakeUpstream.open(WATSONX_WIRE) as upstream:
        config = {"base_url": upstream.url, "iam_url": iam.url, "api_key": KEY, "space_id": "s"}
        async with open_alone(WATSONX, config) as provider:
            assert iam.given == 0
            await provider.complete(CHAT, Call())
            await provider.models()
        (asked, listed) = [received.request for received in upstream.received]
        assert (asked.headers["authorization"], listed.headers["authorization"]) == ("Bearer token-1",) * 2
        assert asked.json["space_id"] == "s"
        assert not any(KEY in f"{request.path} {request.headers} {request.body!r}" for request in (asked, listed))
    assert iam.given == 1


async def test_a_key_that_is_refused_fails_the_request_in_words_of_ours(iam: Script) -> None:
    iam.refusal = 400
    async with FakeUpstream.open(WATSONX_WIRE) as upstream:
        config = {"base_url": upstream.url, "iam_url": iam.url, "api_key": KEY, "space_id": "s"}
        async with open_alone(WATSONX, config) as provider:
            with pytest.raises(UpstreamRefused, match="api_key"):
                await provider.stream(CHAT, Call())
        assert not upstream.received
