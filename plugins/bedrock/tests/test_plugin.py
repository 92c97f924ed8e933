from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from dinrail_bedrock.plugin import BEDROCK, BedrockConfig
from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.errors import (
    ContextLengthExceeded,
    DinrailError,
    InvalidRequest,
    ModelNotFound,
    RateLimited,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamTimeout,
)
from dinrail_sdk.testing import Delivery, FakeUpstream, Refused, open_alone
from dinrail_sdk.testing.aws import event_message
from dinrail_sdk.testing.dialects.bedrock import BEDROCK_WIRE

CHAT = ChatRequest.model_validate({"model": "m", "messages": [{"role": "user", "content": "Hi."}]})
KEYS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}


def config(upstream: FakeUpstream, **more: Any) -> dict[str, Any]:
    at = {"region": "us-east-1", "base_url": upstream.url, "control_url": upstream.url}
    return {**at, "api_key": "ABSK-1", "max_retries": 0, **more}


@pytest.mark.parametrize(
    ("environment", "key", "url"),
    [
        ({"AWS_REGION": "eu-west-1", **KEYS}, None, "https://bedrock-runtime.eu-west-1.amazonaws.com/"),
        ({"AWS_DEFAULT_REGION": "x-1", "AWS_PROFILE": "p"}, None, "https://bedrock-runtime.x-1.amazonaws.com/"),
        (
            {"AWS_REGION": "x-1", "AWS_BEARER_TOKEN_BEDROCK": "ABSK", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "http://y:1"},
            "ABSK",
            "http://y:1/",
        ),
    ],
)
def test_it_is_found_by_the_variables_of_awss_clients(environment: dict[str, str], key: str | None, url: str) -> None:
    assert BEDROCK.detect is not None
    found = BedrockConfig.model_validate(BEDROCK.detect(environment))
    assert (found.api_key.get_secret_value() if found.api_key else None) == key
    assert str(found.base_url) == url
    assert str(found.control_url) == f"https://bedrock.{found.region}.amazonaws.com/"


@pytest.mark.parametrize("environment", [{}, KEYS, {"AWS_REGION": "x-1"}, {"AWS_REGION": "", **KEYS}])
def test_without_a_region_and_credentials_there_is_no_instance(environment: dict[str, str]) -> None:
    assert BEDROCK.detect is not None
    assert BEDROCK.detect(environment) is None


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"region": "evil.example/"},
        {"region": "x-1", "access_key_id": "id"},
        {"region": "x-1", "access_key_id": "id", "secret_access_key": "s", "profile": "p"},
    ],
)
def test_a_configuration_that_cannot_be_meant_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BedrockConfig.model_validate(given)


async def test_models_are_those_that_write_by_themselves_or_through_a_profile() -> None:
    def summary(name: str, *kinds: str) -> dict[str, Any]:
        return {"modelId": name, "outputModalities": ["TEXT"], "inferenceTypesSupported": list(kinds)}

    def profile(name: str, model: str, kind: str = "SYSTEM_DEFINED") -> dict[str, Any]:
        return {
            "inferenceProfileId": name,
            "inferenceProfileArn": f"arn:aws:bedrock:us-east-1:1:inference-profile/{name}",
            "models": [{"modelArn": f"arn:aws:bedrock:eu-west-1::foundation-model/{model}"}],
            "type": kind,
            "createdAt": "2026-02-01T00:00:00Z",
        }

    listed = [summary("a", "ON_DEMAND"), summary("b", "INFERENCE_PROFILE"), summary("c", "ON_DEMAND", "PROVISIONED")]
    profiles = [profile("eu.b", "b"), profile("eu.image", "image"), profile("own", "c", "APPLICATION")]
    async with (
        FakeUpstream.open(BEDROCK_WIRE) as upstream,
        open_alone(BEDROCK, config(upstream)) as provider,
    ):
        upstream.shelf["/foundation-models"] = json.dumps({"modelSummaries": listed}).encode()
        upstream.shelf["/inference-profiles"] = json.dumps({"inferenceProfileSummaries": profiles}).encode()
        found = {model.id: model.created for model in await provider.models()}
    own = "arn:aws:bedrock:us-east-1:1:inference-profile/own"
    assert found == {"a": 0, "c": 0, "eu.b": 1_769_904_000, own: 1_769_904_000}


async def test_models_that_are_configured_are_not_asked_for() -> None:
    async with (
        FakeUpstream.open(BEDROCK_WIRE) as upstream,
        open_alone(BEDROCK, config(upstream, models=["a", "b"])) as provider,
    ):
        assert [model.id for model in await provider.models()] == ["a", "b"]
        assert upstream.received == []


@pytest.mark.parametrize("listed", ["[]", '{"modelSummaries": 1}', '{"modelSummaries": [{}]}', "<"])
async def test_a_list_that_is_none_is_said_to_be_invalid(listed: str) -> None:
    async with (
        FakeUpstream.open(BEDROCK_WIRE) as upstream,
        open_alone(BEDROCK, config(upstream)) as provider,
    ):
        upstream.shelf["/foundation-models"] = listed.encode()
        with pytest.raises(UpstreamInvalid):
            await provider.models()


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "Input is too long for requested model.", ContextLengthExceeded),
        (400, "Input Tokens Exceeded: Number of input tokens exceeds maximum length.", ContextLengthExceeded),
        (400, "The provided model identifier is invalid.", ModelNotFound),
        (404, "Could not resolve the foundation model from the provided model identifier.", ModelNotFound),
        (400, "The toolConfig field must be defined.", InvalidRequest),
        (408, "The model took too long.", UpstreamTimeout),
        (424, "The model failed.", UpstreamFailed),
        (429, "Too many tokens per day, please wait before trying again.", RateLimited),
    ],
)
async def test_bedrocks_refusals_are_understood(status: int, message: str, kind: type[DinrailError]) -> None:
    async with (
        FakeUpstream.open(BEDROCK_WIRE) as upstream,
        open_alone(BEDROCK, config(upstream)) as provider,
    ):
        upstream.says(Refused(status=status), Delivery(body=json.dumps({"message": message}).encode()))
        for ask in (provider.complete, provider.stream):
            with pytest.raises(kind) as caught:
                await ask(CHAT, Call())
            assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("thrown", "kind"),
    [
        ("throttlingException", RateLimited),
        ("validationException", InvalidRequest),
        ("modelStreamErrorException", UpstreamFailed),
        ("modelTimeoutException", UpstreamTimeout),
    ],
)
async def test_an_exception_that_comes_first_is_one_of_the_whole_request(thrown: str, kind: type[DinrailError]) -> None:
    message = event_message({":exception-type": thrown, ":message-type": "exception"}, b'{"message":"No."}')
    async with (
        FakeUpstream.open(BEDROCK_WIRE) as upstream,
        open_alone(BEDROCK, config(upstream)) as provider,
    ):
        upstream.says(delivery=Delivery(body=message))
        with pytest.raises(kind) as caught:
            await provider.stream(CHAT, Call())
        assert type(caught.value) is kind
