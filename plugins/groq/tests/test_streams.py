from __future__ import annotations

import json
from contextlib import aclosing
from typing import Any

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.errors import UpstreamFailed
from dinrail_groq.plugin import GROQ
from dinrail_sdk.testing import FakeUpstream, open_alone
from dinrail_sdk.testing.delivery import Delivery
from dinrail_sdk.testing.dialects.reasoning import GROQ_WIRE

ASKED: Any = {"model": "kit-model", "messages": [{"role": "user", "content": "Hi."}]}


def stopped(piece: bytes) -> bytes:
    """The third event as Groq stops a stream with it."""
    event = json.loads(piece.removeprefix(b"data: "))
    event["choices"] = [{"index": 0, "delta": {}, "finish_reason": None}]
    event["x_groq"] = {"id": "req_1", "error": "over capacity"}
    return b"data: %b\n\n" % json.dumps(event).encode()


async def test_a_stream_that_is_stopped_early_fails_with_groqs_reason() -> None:
    async with (
        FakeUpstream.open(GROQ_WIRE) as upstream,
        open_alone(GROQ, {"base_url": upstream.url, "api_key": "k"}) as provider,
    ):
        upstream.says(None, Delivery(edit=lambda piece, number: stopped(piece) if number == 2 else piece))
        stream = await provider.stream(ChatRequest.model_validate(ASKED), Call())
        async with aclosing(stream):
            with pytest.raises(UpstreamFailed, match="over capacity"):
                async for _ in stream.reads():
                    pass
