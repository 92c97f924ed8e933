"""Anthropic's own client against the real server, over a scripted upstream of OpenAI's dialect."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from anthropic import APIStatusError, AsyncAnthropic, BadRequestError, NotFoundError, RateLimitError
from anthropic.types import MessageParam

from dinrail_sdk.testing import OPENAI, FakeUpstream, Refused, Say, Spoken, Tokens, ToolUse, serve

TOOL: Any = {"name": "weather", "description": "The weather.", "input_schema": {"type": "object", "properties": {}}}
HI: list[MessageParam] = [{"role": "user", "content": "Hi."}]
MODEL = "up/kit-model"
CALLS = (
    ToolUse(id="call_a", name="weather", arguments='{"place": "Bern"}'),
    ToolUse(id="call_b", name="weather", arguments='{"place": "Basel"}'),
)


async def counted(client: AsyncAnthropic) -> dict[str, float]:
    """Tokens by direction, as the server's figures have them."""
    text = (await client._client.get("/metrics")).text
    return {
        direction: float(line.rpartition(" ")[2])
        for line in text.splitlines()
        for direction in ("input", "output")
        if line.startswith(f'dinrail_tokens_total{{direction="{direction}"')
    }


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[AsyncAnthropic, FakeUpstream]]:
    async with FakeUpstream.open(OPENAI) as upstream:
        provider = {"type": "openai-compatible", "base_url": upstream.url, "models": [upstream.model], "max_retries": 0}
        config = {"providers": {"up": provider}, "plugins": {"enable": ["anthropic-api"]}}
        async with (
            serve(plugins=["openai-compatible", "anthropic-api"], config=config) as served,
            AsyncAnthropic(base_url=served.origin, api_key="sk-of-nobody", max_retries=0) as client,
        ):
            yield client, upstream


async def test_a_message_is_answered_whole_and_streamed() -> None:
    async with opened() as (client, upstream):
        upstream.says(Spoken(choices=(Say(text="Grüezi! 🌍"),), usage=Tokens(prompt=29, completion=13, cached=16)))
        whole = await client.messages.create(model=MODEL, max_tokens=9, messages=HI, system="Be brief.")
        assert [block.type for block in whole.content] == ["text"]
        assert whole.content[0].model_dump()["text"] == "Grüezi! 🌍"
        assert whole.stop_reason == "end_turn"
        told = (whole.usage.input_tokens, whole.usage.cache_read_input_tokens, whole.usage.output_tokens)
        assert told == (13, 16, 13)
        async with client.messages.stream(model=MODEL, max_tokens=9, messages=HI) as stream:
            text = "".join([piece async for piece in stream.text_stream])
            final = await stream.get_final_message()
        assert text == "Grüezi! 🌍"
        assert final.stop_reason == "end_turn"
        assert (final.usage.input_tokens, final.usage.output_tokens) == (13, 13)
        assert await counted(client) == {"input": 2 * 29, "output": 2 * 13}
        roles = [message.role for message in upstream.received[0].asked.messages] if upstream.received[0].asked else []
        assert roles == ["system", "user"]


async def test_tools_are_called_and_answered_whole_and_streamed() -> None:
    async with opened() as (client, upstream):
        upstream.says(Spoken(choices=(Say(text="Let me look.", calls=CALLS, finish="tool_calls", piece=3),)))
        whole = await client.messages.create(model=MODEL, max_tokens=9, messages=HI, tools=[TOOL])
        async with client.messages.stream(model=MODEL, max_tokens=9, messages=HI, tools=[TOOL]) as stream:
            final = await stream.get_final_message()
        for message in (whole, final):
            assert message.stop_reason == "tool_use"
            used = [block.model_dump() for block in message.content if block.type == "tool_use"]
            assert {one["id"]: one["input"] for one in used} == {call.id: json.loads(call.arguments) for call in CALLS}
        results: Any = [
            {"type": "tool_result", "tool_use_id": "call_b", "content": "rain"},
            {"type": "tool_result", "tool_use_id": "call_a", "content": "sun"},
        ]
        upstream.says(Spoken.of("Sun and rain."))
        history: Any = [*HI, {"role": "assistant", "content": final.content}, {"role": "user", "content": results}]
        await client.messages.create(model=MODEL, max_tokens=9, messages=history, tools=[TOOL])
        asked = upstream.asked.messages
        assert [(one.answers, one.text) for one in asked if one.role == "tool"] == [
            ("call_b", "rain"),
            ("call_a", "sun"),
        ]
        made = [call for one in asked for call in one.calls]
        assert all(call.same(due) for call, due in zip(made, CALLS, strict=True))


async def test_thoughts_are_blocks_before_the_text() -> None:
    async with opened() as (client, upstream):
        upstream.says(Spoken(choices=(Say(text="42.", reasoning="Six by seven."),)))
        whole = await client.messages.create(model=MODEL, max_tokens=9, messages=HI)
        async with client.messages.stream(model=MODEL, max_tokens=9, messages=HI) as stream:
            final = await stream.get_final_message()
        for message in (whole, final):
            blocks = [block.model_dump() for block in message.content]
            assert [(one["type"], one.get("thinking") or one.get("text")) for one in blocks] == [
                ("thinking", "Six by seven."),
                ("text", "42."),
            ]


@pytest.mark.parametrize(
    ("refused", "error", "status", "kind"),
    [
        (Refused(status=400, message="No."), BadRequestError, 400, "invalid_request_error"),
        (Refused(status=429, retry_after=37), RateLimitError, 429, "rate_limit_error"),
        (Refused(status=401), APIStatusError, 502, "api_error"),
        (Refused(status=500), APIStatusError, 502, "api_error"),
        (Refused(status=503), APIStatusError, 503, "overloaded_error"),
    ],
)
async def test_errors_have_anthropics_shape(
    refused: Refused, error: type[APIStatusError], status: int, kind: str
) -> None:
    async with opened() as (client, upstream):
        upstream.says(refused)
        with pytest.raises(error) as caught:
            await client.messages.create(model=MODEL, max_tokens=9, messages=HI)
        with pytest.raises(error):
            await client.messages.create(model=MODEL, max_tokens=9, messages=HI, stream=True)
    body: Any = caught.value.body
    assert (caught.value.status_code, body["type"], body["error"]["type"]) == (status, "error", kind)
    assert body["request_id"] == caught.value.response.headers["x-request-id"]
    if refused.retry_after:
        assert caught.value.response.headers["retry-after"] == "37"


async def test_a_prompt_that_is_too_long_is_said_in_words_that_clients_know() -> None:
    async with opened() as (client, upstream):
        upstream.says(Refused(status=400, message="Too much.", code="context_length_exceeded"))
        with pytest.raises(BadRequestError, match="prompt is too long"):
            await client.messages.create(model=MODEL, max_tokens=9, messages=HI)


async def test_a_model_that_is_not_there_and_a_malformed_request_are_told_apart() -> None:
    async with opened() as (client, _):
        with pytest.raises(NotFoundError) as missing:
            await client.messages.create(model="none/such", max_tokens=9, messages=HI)
        with pytest.raises(BadRequestError, match="max_tokens"):
            await client.messages.create(model=MODEL, max_tokens=0, messages=HI)
        strange: Any = [{"role": "user", "content": [{"type": "of_tomorrow"}]}]
        with pytest.raises(BadRequestError, match="of_tomorrow"):
            await client.messages.create(model=MODEL, max_tokens=9, messages=strange)
    body: Any = missing.value.body
    assert body["error"]["type"] == "not_found_error"


async def test_a_stream_that_breaks_off_is_an_error_and_not_an_end() -> None:
    async with opened() as (client, upstream):
        upstream.says(dies_after=4)
        with pytest.raises(APIStatusError) as caught:
            async with client.messages.stream(model=MODEL, max_tokens=9, messages=HI) as stream:
                await stream.get_final_message()
    body: Any = caught.value.body
    assert body["error"]["type"] == "api_error"


async def test_tokens_are_counted_by_the_model() -> None:
    async with opened() as (client, upstream):
        upstream.says(Spoken(usage=Tokens(prompt=31, completion=1)))
        counted = await client.messages.count_tokens(model=MODEL, messages=HI, tools=[TOOL])
        assert counted.input_tokens == 31
        assert upstream.asked.settings["max_tokens"] == 1
        upstream.says(Spoken(usage=None))
        with pytest.raises(BadRequestError, match="does not tell"):
            await client.messages.count_tokens(model=MODEL, messages=HI)


async def test_the_requests_id_stands_where_the_client_looks_for_it() -> None:
    async with opened() as (client, upstream):
        whole = await client.messages.create(model=MODEL, max_tokens=9, messages=HI)
        assert whole._request_id is not None
        assert whole._request_id.startswith("req_")
        raw = await client.messages.with_raw_response.create(model=MODEL, max_tokens=9, messages=HI, stream=True)
        assert raw.headers["request-id"] == raw.headers["x-request-id"]
        upstream.says(Refused(status=400))
        with pytest.raises(BadRequestError) as caught:
            await client.messages.create(model=MODEL, max_tokens=9, messages=HI)
    assert caught.value.request_id == caught.value.response.headers["x-request-id"]


async def test_what_is_not_served_is_told_in_anthropics_shape() -> None:
    async with opened() as (client, _):
        request: Any = {"custom_id": "a", "params": {"model": MODEL, "max_tokens": 9, "messages": HI}}
        with pytest.raises(NotFoundError) as missing:
            await client.messages.batches.create(requests=[request])
        with pytest.raises(NotFoundError):
            await client.messages.batches.retrieve("msgbatch_1")
        with pytest.raises(APIStatusError) as wrong:
            await client.get("/v1/messages", cast_to=dict[str, Any])
    for caught, status, kind in ((missing, 404, "not_found_error"), (wrong, 405, "invalid_request_error")):
        body: Any = caught.value.body
        assert (caught.value.status_code, body["type"], body["error"]["type"]) == (status, "error", kind)


async def test_features_in_beta_are_asked_for_without_harm() -> None:
    async with opened() as (client, _):
        found = await client.beta.messages.create(
            model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "Hi."}], betas=["of-tomorrow-2030-01-01"]
        )
    assert found.stop_reason == "end_turn"


async def test_a_prompt_is_counted_without_thoughts_for_which_there_is_no_room() -> None:
    async with opened() as (client, upstream):
        await client.messages.count_tokens(
            model=MODEL, messages=HI, thinking={"type": "enabled", "budget_tokens": 4096}
        )
        assert "reasoning_effort" not in upstream.received[-1].request.json
