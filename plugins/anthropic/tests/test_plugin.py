from __future__ import annotations

import json
from typing import Any

import pytest

from dinrail_anthropic.plugin import ANTHROPIC, AnthropicConfig
from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.errors import (
    ContextLengthExceeded,
    DinrailError,
    InvalidRequest,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamUnavailable,
)
from dinrail_sdk.testing import Delivery, FakeUpstream, ListedModel, Listing, Refused, open_alone
from dinrail_sdk.testing.dialects.anthropic import ANTHROPIC_WIRE

CHAT = ChatRequest.model_validate({"model": "m", "messages": [{"role": "user", "content": "Hi."}]})
YES, NO = {"supported": True}, {"supported": False}


@pytest.mark.parametrize(
    ("environment", "key", "header", "url"),
    [
        ({"ANTHROPIC_API_KEY": "sk-1"}, "sk-1", None, "https://api.anthropic.com/"),
        ({"ANTHROPIC_API_KEY": "sk-1", "ANTHROPIC_BASE_URL": "http://x:1/v1"}, "sk-1", None, "http://x:1/"),
        ({"ANTHROPIC_AUTH_TOKEN": "t"}, None, "Bearer t", "https://api.anthropic.com/"),
    ],
)
def test_it_is_found_by_the_variables_of_anthropics_clients(
    environment: dict[str, str], key: str | None, header: str | None, url: str
) -> None:
    assert ANTHROPIC.detect is not None
    config = AnthropicConfig.model_validate(ANTHROPIC.detect(environment))
    assert (config.api_key.get_secret_value() if config.api_key else None) == key
    assert {name: value.get_secret_value() for name, value in config.headers.items()} == (
        {"authorization": header} if header else {}
    )
    assert str(config.base_url) == url


@pytest.mark.parametrize("environment", [{}, {"ANTHROPIC_API_KEY": ""}, {"ANTHROPIC_BASE_URL": "http://x"}])
def test_without_a_key_there_is_no_instance(environment: dict[str, str]) -> None:
    assert ANTHROPIC.detect is not None
    assert ANTHROPIC.detect(environment) is None


@pytest.mark.parametrize(
    ("config", "due"),
    [
        ({"api_key": "sk-ant-api03-x"}, {"x-api-key": "sk-ant-api03-x"}),
        ({"api_key": "sk-ant-oat01-x"}, {"authorization": "Bearer sk-ant-oat01-x"}),
        ({"headers": {"authorization": "Bearer t"}}, {"authorization": "Bearer t"}),
        ({"api_key": "k", "headers": {"anthropic-beta": "b-1"}}, {"x-api-key": "k", "anthropic-beta": "b-1"}),
    ],
)
async def test_the_key_is_sent_as_its_kind_is(config: dict[str, Any], due: dict[str, str]) -> None:
    async with (
        FakeUpstream.open(ANTHROPIC_WIRE) as upstream,
        open_alone(ANTHROPIC, {"base_url": upstream.url, **config}) as provider,
    ):
        await provider.complete(CHAT, Call())
        headers = upstream.received[-1].request.headers
    sent = {name: headers[name] for name in ("x-api-key", "authorization", "anthropic-beta") if name in headers}
    assert sent == due
    assert headers["anthropic-version"] == "2023-06-01"


async def test_an_effort_is_one_that_the_list_has() -> None:
    async with (
        FakeUpstream.open(ANTHROPIC_WIRE) as upstream,
        open_alone(ANTHROPIC, {"base_url": upstream.url}) as provider,
    ):
        can = {"thinking": {"types": {"adaptive": YES}}, "effort": YES | {"low": YES, "high": YES, "xhigh": NO}}
        upstream.shelf["/v1/models"] = json.dumps({"data": [{"id": "m", "capabilities": can}]}).encode()
        await provider.models()
        await provider.complete(CHAT.model_copy(update={"model": "m", "reasoning_effort": "max"}), Call())
        assert upstream.received[-1].request.json["output_config"] == {"effort": "high"}


async def test_models_that_are_gone_are_not_listed() -> None:
    stages = ("active", "deprecated", "retired", None)
    entries = [{"id": f"m{stage}", "lifecycle": stage, "max_tokens": 900} for stage in stages]
    async with (
        FakeUpstream.open(ANTHROPIC_WIRE) as upstream,
        open_alone(ANTHROPIC, {"base_url": upstream.url}) as provider,
    ):
        upstream.shelf["/v1/models"] = json.dumps({"data": entries, "has_more": False}).encode()
        assert [model.id for model in await provider.models()] == ["mactive", "mdeprecated", "mNone"]
        await provider.complete(CHAT.model_copy(update={"model": "mactive"}), Call())
        assert upstream.received[-1].request.json["max_tokens"] == 900


async def test_all_pages_of_the_list_are_read() -> None:
    names = [f"m{number}" for number in range(2500)]
    async with (
        FakeUpstream.open(ANTHROPIC_WIRE) as upstream,
        open_alone(ANTHROPIC, {"base_url": upstream.url}) as provider,
    ):
        upstream.says(Listing(models=tuple(ListedModel(id=name) for name in names)))
        assert [model.id for model in await provider.models()] == names
    assert len(upstream.received) == 3


@pytest.mark.parametrize(
    ("capabilities", "due"),
    [
        ({"thinking": {"types": {"adaptive": YES, "enabled": YES}}, "effort": YES}, ["adaptive", "low"]),
        ({"thinking": {"types": {"adaptive": NO, "enabled": YES}}, "effort": NO}, ["enabled", None]),
        (None, ["adaptive", "low"]),
    ],
)
async def test_a_model_is_told_to_think_as_the_list_says_that_it_can(
    capabilities: dict[str, Any] | None, due: list[str | None]
) -> None:
    async with (
        FakeUpstream.open(ANTHROPIC_WIRE) as upstream,
        open_alone(ANTHROPIC, {"base_url": upstream.url}) as provider,
    ):
        entry = {"type": "model", "id": "m", "created_at": "2026-02-01T00:00:00Z", "capabilities": capabilities}
        upstream.shelf["/v1/models"] = json.dumps({"data": [entry], "has_more": False, "last_id": "m"}).encode()
        (listed,) = await provider.models()
        await provider.complete(CHAT.model_copy(update={"reasoning_effort": "low"}), Call())
        sent = upstream.received[-1].request.json
    assert listed.created == 1_769_904_000
    assert [sent["thinking"]["type"], sent.get("output_config", {}).get("effort")] == due


@pytest.mark.parametrize(
    "listed", ["[]", '{"data": 1}', '{"data": [{}]}', '{"data": [], "has_more": true, "last_id": "a"}']
)
async def test_a_list_that_is_none_is_said_to_be_invalid(listed: str) -> None:
    async with FakeUpstream.open(ANTHROPIC_WIRE) as upstream:
        upstream.shelf["/v1/models"] = listed.encode()
        async with open_alone(ANTHROPIC, {"base_url": upstream.url}) as provider:
            with pytest.raises(UpstreamInvalid):
                await provider.models()


@pytest.mark.parametrize(
    ("status", "error", "kind", "code"),
    [
        (
            400,
            ("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"),
            ContextLengthExceeded,
            "context_length_exceeded",
        ),
        (
            400,
            ("invalid_request_error", "input length and `max_tokens` exceed context limit: 9 + 9 > 8"),
            ContextLengthExceeded,
            "context_length_exceeded",
        ),
        (400, ("invalid_request_error", "temperature: must be at most 1"), InvalidRequest, "invalid_value"),
        (529, ("overloaded_error", "Overloaded"), UpstreamUnavailable, "upstream_unavailable"),
        (500, ("api_error", "Internal server error"), UpstreamFailed, "upstream_failed"),
    ],
)
async def test_anthropics_refusals_are_understood(
    status: int, error: tuple[str, str], kind: type[DinrailError], code: str
) -> None:
    body = {"type": "error", "error": {"type": error[0], "message": error[1]}, "request_id": "req"}
    async with (
        FakeUpstream.open(ANTHROPIC_WIRE) as upstream,
        open_alone(ANTHROPIC, {"base_url": upstream.url, "max_retries": 0}) as provider,
    ):
        upstream.says(Refused(status=status), Delivery(body=json.dumps(body).encode()))
        for ask in (provider.complete, provider.stream):
            with pytest.raises(kind) as caught:
                await ask(CHAT, Call())
            assert type(caught.value) is kind
            assert caught.value.code == code
