from __future__ import annotations

import json

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.errors import DinrailError, RateLimited, UpstreamUnavailable
from dinrail_openrouter.plugin import OPENROUTER
from dinrail_sdk.testing import OPENAI, Delivery, FakeUpstream, open_alone

REQUEST = ChatRequest.model_validate({"model": "m", "messages": [{"role": "user", "content": "Hi."}]})
BEGUN = {"id": "gen-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
FIRST = {"index": 0, "delta": {"role": "assistant", "content": "So"}, "finish_reason": None}


@pytest.mark.parametrize(("code", "kind"), [(502, UpstreamUnavailable), (429, RateLimited)])
async def test_an_error_in_a_choice_of_a_good_answer_is_an_error(code: int, kind: type[DinrailError]) -> None:
    error = {"code": code, "message": "The provider behind is in trouble."}
    choice = {"index": 0, "message": {"role": "assistant", "content": "So"}, "finish_reason": "error", "error": error}
    body = json.dumps({**BEGUN, "object": "chat.completion", "choices": [choice]}).encode()
    async with (
        FakeUpstream.open(OPENAI) as upstream,
        open_alone(OPENROUTER, {"base_url": upstream.url, "api_key": "k"}) as provider,
    ):
        upstream.says(delivery=Delivery(body=body, content_type="application/json"))
        with pytest.raises(kind, match="in trouble"):
            await provider.complete(REQUEST, Call())


@pytest.mark.parametrize("where", ["event", "choice"])
async def test_an_error_in_a_running_stream_ends_it_after_what_was_said(where: str) -> None:
    error = {"code": 502, "message": "The provider behind is in trouble."}
    last = {"index": 0, "delta": {"content": ""}, "finish_reason": "error"}
    events = [{**BEGUN, "choices": [FIRST]}]
    events.append(
        {**BEGUN, "error": error, "choices": [last]}
        if where == "event"
        else {**BEGUN, "choices": [{**last, "error": error}]}
    )
    body = b": OPENROUTER PROCESSING\n\n" + b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)
    async with (
        FakeUpstream.open(OPENAI) as upstream,
        open_alone(OPENROUTER, {"base_url": upstream.url, "api_key": "k"}) as provider,
    ):
        upstream.says(delivery=Delivery(body=body, content_type="text/event-stream"))
        stream = await provider.stream(REQUEST, Call())
        chunks = aiter(stream)
        assert (await anext(chunks)).choices[0].delta.content == "So"
        with pytest.raises(UpstreamUnavailable, match="in trouble"):
            await anext(chunks)
        await stream.aclose()
