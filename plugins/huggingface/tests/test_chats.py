from __future__ import annotations

from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_huggingface.plugin import HUGGINGFACE
from dinrail_sdk.testing import OPENAI, FakeUpstream, open_alone

ASKED = {"model": "m", "messages": [{"role": "user", "content": "Hi."}], "max_completion_tokens": 5}


async def test_the_limit_goes_out_under_the_name_that_tgi_knows() -> None:
    async with (
        FakeUpstream.open(OPENAI) as upstream,
        open_alone(HUGGINGFACE, {"base_url": upstream.url}) as provider,
    ):
        await provider.complete(ChatRequest.model_validate(ASKED), Call())
        sent = upstream.received[-1].request.json
    assert sent == {"model": "m", "messages": ASKED["messages"], "max_tokens": 5}
