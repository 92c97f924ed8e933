"""Responses over the relay of OpenAI's dialect."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.responses import CreateResponse
from dinrail_core.errors import DinrailError, InvalidRequest, UpstreamFailed, UpstreamInvalid
from dinrail_sdk.openai import OpenAIDialect
from dinrail_sdk.openai.response_events import ResponseEvents
from dinrail_sdk.testing import OPENAI, FakeUpstream
from dinrail_sdk.testing.delivery import Delivery
from dinrail_sdk.testing.script import Refused, Say, Spoken
from dinrail_sdk.upstream import UpstreamConfig, connect

REQUEST = CreateResponse(model="kit-model", input="Hello.", store=False)


@asynccontextmanager
async def relay(upstream: FakeUpstream) -> AsyncIterator[OpenAIDialect]:
    config = UpstreamConfig.model_validate({"base_url": upstream.url, "max_retries": 0})
    async with connect(config) as connected:
        yield OpenAIDialect(connected)


async def test_a_value_is_the_upstreams_own() -> None:
    async with FakeUpstream.open(OPENAI) as upstream, relay(upstream) as provider:
        answer = await provider.respond(REQUEST.model_copy(update={"stream": True}), Call())
        assert answer.value.output[0].model_dump()["content"][0]["text"] == "You said: Hello."
        assert upstream.received[-1].request.path == "/v1/responses"
        assert upstream.received[-1].request.json == {"model": "kit-model", "input": "Hello.", "store": False}


@pytest.mark.parametrize("delivery", [Delivery(), Delivery(noisy=True)])
async def test_a_stream_ends_with_the_event_that_says_how(delivery: Delivery) -> None:
    async with FakeUpstream.open(OPENAI) as upstream, relay(upstream) as provider:
        upstream.says(Spoken(choices=(Say(text="Hello there.", finish="length"),)), delivery)
        stream = await provider.stream_response(REQUEST, Call())
        kinds = [event.root.type async for event in stream]
        await stream.aclose()
        assert kinds[:2] == ["response.created", "response.in_progress"]
        assert kinds[-1] == "response.incomplete"


async def test_a_failure_is_raised_wherever_it_is_told() -> None:
    async with FakeUpstream.open(OPENAI) as upstream, relay(upstream) as provider:
        upstream.says(Refused(status=400, message="No."))
        with pytest.raises(InvalidRequest, match=r"No\."):
            await provider.stream_response(REQUEST, Call())
        upstream.says(Spoken(extra={"status": "failed", "error": {"code": "server_error", "message": "Broken."}}))
        with pytest.raises(UpstreamFailed, match=r"Broken\."):
            await provider.respond(REQUEST, Call())
        upstream.says(dies_after=4)
        stream = await provider.stream_response(REQUEST, Call())
        with pytest.raises(DinrailError):
            _ = [event async for event in stream]
        await stream.aclose()


def test_an_error_among_the_events_is_none_that_is_handed_on() -> None:
    events = ResponseEvents()
    first = b'event: response.created\ndata: {"type":"response.created"}\n\n'
    assert events.sift(first + b'event: error\ndata: {"type":"error","message":"Broken."}\n\n') == first
    assert events.failure is not None


def test_a_stream_that_says_no_end_is_not_whole() -> None:
    events = ResponseEvents()
    events.sift(b'data: {"type":"response.created"}\n\n')
    assert not events.done
    with pytest.raises(UpstreamInvalid):
        events.finish()


def test_what_is_no_event_is_refused() -> None:
    events = ResponseEvents()
    assert events.sift(b"data: [1]\n\n") == b""
    assert isinstance(events.failure, UpstreamInvalid)
