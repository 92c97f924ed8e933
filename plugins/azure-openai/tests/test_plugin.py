from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from dinrail_azure_openai.plugin import AZURE_OPENAI, AzureOpenAIConfig
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest
from dinrail_core.api.provider import ModelInfo
from dinrail_core.errors import ContentFiltered, ModelNotFound
from dinrail_sdk.testing import Delivery, FakeUpstream, Refused, open_alone
from dinrail_sdk.testing.dialects.azure import AZURE_WIRE, AZURE_WIRE_IN_PATH

ENDPOINT = "https://my.openai.azure.com/"
CHAT = ChatRequest.model_validate({"model": "my deployment/1", "messages": [{"role": "user", "content": "Hi."}]})


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, None),
        ({"AZURE_OPENAI_API_KEY": "k"}, None),
        ({"AZURE_OPENAI_ENDPOINT": ENDPOINT}, None),
        (
            {"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": ENDPOINT},
            {"api_key": "k", "base_url": ENDPOINT},
        ),
        (
            {"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": ENDPOINT, "AZURE_OPENAI_DEPLOYMENT": "d"},
            {"api_key": "k", "base_url": ENDPOINT, "deployments": ["d"]},
        ),
        ({"AZURE_OPENAI_DEPLOYMENT": "d"}, None),
    ],
)
def test_a_resource_is_found_by_endpoint_and_key(environment: dict[str, str], found: object) -> None:
    assert AZURE_OPENAI.detect is not None
    assert AZURE_OPENAI.detect(environment) == found


@pytest.mark.parametrize(
    ("config", "address"),
    [
        ({"base_url": ENDPOINT}, "https://my.openai.azure.com/openai/v1"),
        ({"base_url": "https://my.openai.azure.com/openai/v1/"}, "https://my.openai.azure.com/openai/v1"),
        (
            {"base_url": ENDPOINT, "api_version": "2024-10-21"},
            "https://my.openai.azure.com/openai?api-version=2024-10-21",
        ),
        (
            {"base_url": "https://gate.example/azure/openai", "api_version": "2024-10-21"},
            "https://gate.example/azure/openai?api-version=2024-10-21",
        ),
    ],
)
def test_the_address_is_completed_once(config: dict[str, object], address: str) -> None:
    checked = AzureOpenAIConfig.model_validate(config)
    assert str(checked.base_url) == address
    assert str(AzureOpenAIConfig.model_validate(config | {"base_url": address}).base_url) == address


@pytest.mark.parametrize("bad", [{"api_version": "a b"}, {"api_version": ""}, {"deployments": []}])
def test_a_configuration_that_cannot_work_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AzureOpenAIConfig.model_validate({"base_url": ENDPOINT, **bad})


async def test_the_older_interface_has_the_deployment_in_the_path() -> None:
    async with FakeUpstream.open(AZURE_WIRE_IN_PATH) as upstream:
        config = {"base_url": upstream.origin, "api_version": "2024-10-21", "api_key": "k"}
        async with open_alone(AZURE_OPENAI, config) as provider:
            await provider.complete(CHAT, Call())
            await (await provider.stream(CHAT, Call())).aclose()
            await provider.embed(EmbeddingRequest.model_validate({"model": "e", "input": "a"}), Call())
            await provider.models()
        assert [received.request.path for received in upstream.received] == [
            "/openai/deployments/my%20deployment%2F1/chat/completions?api-version=2024-10-21",
            "/openai/deployments/my%20deployment%2F1/chat/completions?api-version=2024-10-21",
            "/openai/deployments/e/embeddings?api-version=2024-10-21",
            "/openai/models?api-version=2024-10-21",
        ]
        assert upstream.credentials == "k"


async def test_the_older_interface_has_the_deployment_of_responses_in_the_body() -> None:
    async with FakeUpstream.open(AZURE_WIRE_IN_PATH) as upstream:
        config = {"base_url": upstream.url, "api_key": "k", "api_version": "2025-03-01-preview", "responses": "whole"}
        async with open_alone(AZURE_OPENAI, config) as provider:
            assert provider.path("responses/compact", "a") == "responses/compact"
            assert provider.path("chat/completions", "a") == "deployments/a/chat/completions"


async def test_named_deployments_are_listed_without_asking() -> None:
    config = {"base_url": "http://127.0.0.1:1", "deployments": ["a", "b"]}
    async with open_alone(AZURE_OPENAI, config) as provider:
        assert await provider.models() == [ModelInfo("a"), ModelInfo("b")]


async def test_without_names_the_models_are_listed_with_what_they_can_do() -> None:
    listed = {
        "data": [
            {"id": "gpt-4o", "capabilities": {"chat_completion": True, "inference": True, "embeddings": False}},
            {"id": "text-embedding-3-small", "capabilities": {"embeddings": True, "chat_completion": False}},
            {"id": "whisper", "capabilities": {"embeddings": False, "chat_completion": False, "inference": True}},
            {"id": "untold"},
        ]
    }
    async with FakeUpstream.open(AZURE_WIRE) as upstream:
        upstream.shelf["/openai/v1/models"] = json.dumps(listed).encode()
        async with open_alone(AZURE_OPENAI, {"base_url": upstream.origin, "api_key": "k"}) as provider:
            assert await provider.models() == [
                ModelInfo("gpt-4o", frozenset({ChatModel})),
                ModelInfo("text-embedding-3-small", frozenset({Embedder})),
                ModelInfo("untold"),
            ]


FILTERED = {
    "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
    "type": None,
    "param": "prompt",
    "code": "content_filter",
    "status": 400,
    "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {"filtered": True}}},
}
MISSING = {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}


@pytest.mark.parametrize(("status", "error", "kind"), [(400, FILTERED, ContentFiltered), (404, MISSING, ModelNotFound)])
async def test_azures_own_refusals_are_understood(status: int, error: object, kind: type[Exception]) -> None:
    async with FakeUpstream.open(AZURE_WIRE) as upstream:
        upstream.says(Refused(status=status), Delivery(body=json.dumps({"error": error}).encode()))
        async with open_alone(AZURE_OPENAI, {"base_url": upstream.origin, "api_key": "k"}) as provider:
            with pytest.raises(kind):
                await provider.complete(CHAT, Call())
