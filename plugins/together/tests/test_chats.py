from __future__ import annotations

from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_sdk.testing import OPENAI, FakeUpstream, Say, Spoken, open_alone
from dinrail_together.plugin import TOGETHER

REQUEST = ChatRequest.model_validate(
    {
        "model": "kit-model",
        "max_completion_tokens": 5,
        "messages": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hi."}],
    }
)


async def test_a_natural_end_has_openais_name_whole_and_streamed() -> None:
    async with (
        FakeUpstream.open(OPENAI) as upstream,
        open_alone(TOGETHER, {"base_url": upstream.url, "api_key": "k"}) as provider,
    ):
        upstream.says(Spoken(choices=(Say(finish="eos"), Say(finish="length"))))
        whole = (await provider.complete(REQUEST, Call())).value
        assert [choice.finish_reason for choice in whole.choices] == ["stop", "length"]
        stream = await provider.stream(REQUEST, Call())
        ends = {
            choice.index: choice.finish_reason
            async for chunk in stream
            for choice in chunk.choices
            if choice.finish_reason
        }
        assert ends == {0: "stop", 1: "length"}


async def test_together_is_asked_in_the_words_that_it_knows() -> None:
    async with (
        FakeUpstream.open(OPENAI) as upstream,
        open_alone(TOGETHER, {"base_url": upstream.url, "api_key": "k"}) as provider,
    ):
        await provider.complete(REQUEST, Call())
        sent = upstream.received[-1].request.json
    assert sent == {
        "model": "kit-model",
        "max_tokens": 5,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi."}],
    }
