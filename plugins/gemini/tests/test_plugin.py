from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest
from dinrail_core.api.provider import ModelInfo
from dinrail_core.errors import ContextLengthExceeded, RateLimited, UpstreamInvalid, UpstreamRefused
from dinrail_gemini.plugin import GEMINI, GeminiConfig
from dinrail_sdk.testing import Delivery, FakeUpstream, ListedModel, Listing, Refused, open_alone
from dinrail_sdk.testing.bench import attempt
from dinrail_sdk.testing.dialects.gemini import GEMINI_WIRE, VERTEX_WIRE

CHAT = ChatRequest.model_validate({"model": "m", "messages": [{"role": "user", "content": "Hi."}]})
STUDIO = "https://generativelanguage.googleapis.com/v1beta"


@pytest.mark.parametrize(
    ("environment", "url", "key"),
    [
        ({"GEMINI_API_KEY": "a"}, STUDIO, "a"),
        ({"GEMINI_API_KEY": "a", "GOOGLE_API_KEY": "b"}, STUDIO, "b"),
        (
            {"GOOGLE_GENAI_USE_VERTEXAI": "True", "GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_API_KEY": "b"},
            "https://aiplatform.googleapis.com/v1",
            None,
        ),
        (
            {
                "GOOGLE_GENAI_USE_ENTERPRISE": "1",
                "GOOGLE_CLOUD_PROJECT": "p",
                "GOOGLE_CLOUD_LOCATION": "europe-west4",
            },
            "https://europe-west4-aiplatform.googleapis.com/v1",
            None,
        ),
    ],
)
def test_it_is_found_by_the_variables_of_googles_clients(
    environment: dict[str, str], url: str, key: str | None
) -> None:
    assert GEMINI.detect is not None
    config = GeminiConfig.model_validate(GEMINI.detect(environment))
    assert str(config.base_url) == url
    assert (config.api_key.get_secret_value() if config.api_key else None) == key


@pytest.mark.parametrize(
    "environment", [{}, {"GEMINI_API_KEY": ""}, {"GOOGLE_GENAI_USE_VERTEXAI": "true"}, {"GOOGLE_CLOUD_PROJECT": "p"}]
)
def test_without_a_key_or_a_project_there_is_no_instance(environment: dict[str, str]) -> None:
    assert GEMINI.detect is not None
    assert GEMINI.detect(environment) is None


def test_an_address_of_ones_own_counts_on_vertex_as_well() -> None:
    config = GeminiConfig.model_validate({"project": "p", "base_url": "http://x/v1"})
    assert str(config.base_url) == "http://x/v1"


@pytest.mark.parametrize(
    ("key", "header"), [("AIzaSy", ("x-goog-api-key", "AIzaSy")), ("ya29.x", ("authorization", "Bearer ya29.x"))]
)
async def test_keys_and_tokens_have_headers_of_their_own(key: str, header: tuple[str, str]) -> None:
    async with (
        FakeUpstream.open(GEMINI_WIRE) as upstream,
        open_alone(GEMINI, {"base_url": upstream.url, "api_key": key}) as provider,
    ):
        await provider.complete(CHAT, Call())
        assert upstream.received[-1].request.headers[header[0]] == header[1]


async def test_all_pages_of_the_list_are_read_and_other_kinds_left_out() -> None:
    names = [f"m{number}" for number in range(2500)]
    async with (
        FakeUpstream.open(GEMINI_WIRE) as upstream,
        open_alone(GEMINI, {"base_url": upstream.url}) as provider,
    ):
        upstream.says(Listing(models=tuple(ListedModel(id=name) for name in names)))
        assert [model.id for model in await provider.models()] == names
        assert len(upstream.received) == 3
        entries = [
            {"name": "models/chat", "inputTokenLimit": 9, "supportedGenerationMethods": ["generateContent"]},
            {"name": "models/embed", "supportedGenerationMethods": ["embedContent"]},
            {"name": "models/paint", "supportedGenerationMethods": ["predict"]},
        ]
        upstream.shelf["/v1beta/models"] = json.dumps({"models": entries}).encode()
        assert await provider.models() == [
            ModelInfo("chat", frozenset({ChatModel}), context_length=9),
            ModelInfo("embed", frozenset({Embedder})),
        ]


@pytest.mark.parametrize("listed", ["[]", '{"models": 1}', '{"models": [{}]}', '{"models": [], "nextPageToken": 7}'])
async def test_a_list_that_is_none_is_said_to_be_invalid(listed: str) -> None:
    async with FakeUpstream.open(GEMINI_WIRE) as upstream:
        upstream.shelf["/v1beta/models"] = listed.encode()
        async with open_alone(GEMINI, {"base_url": upstream.url}) as provider:
            with pytest.raises(UpstreamInvalid):
                await provider.models()


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (
            400,
            {"status": "INVALID_ARGUMENT", "message": "API key not valid.", "details": [{"reason": "API_KEY_INVALID"}]},
            UpstreamRefused,
        ),
        (
            400,
            {"message": "The input token count (9) exceeds the maximum number of tokens allowed (8)."},
            ContextLengthExceeded,
        ),
        (429, {"status": "RESOURCE_EXHAUSTED", "details": [{"@type": "x", "retryDelay": "37.5s"}]}, RateLimited),
    ],
)
async def test_googles_refusals_are_understood(status: int, error: dict[str, Any], kind: type[Exception]) -> None:
    async with (
        FakeUpstream.open(GEMINI_WIRE) as upstream,
        open_alone(GEMINI, {"base_url": upstream.url, "api_key": "k", "max_retries": 0}) as provider,
    ):
        upstream.says(Refused(status=status), Delivery(body=json.dumps({"error": error}).encode()))
        with pytest.raises(kind) as caught:
            await provider.complete(CHAT, Call())
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after == 37.5


@pytest.mark.parametrize(
    ("project", "model", "path"),
    [
        (None, "gemini-3-pro", "/v1beta/models/gemini-3-pro:generateContent"),
        (None, "models/gemini-3-pro", "/v1beta/models/gemini-3-pro:generateContent"),
        (None, "tunedModels/mine", "/v1beta/tunedModels/mine:generateContent"),
        ("p", "gemini-3-pro", "/v1/projects/p/locations/global/publishers/google/models/gemini-3-pro:generateContent"),
        ("p", "publishers/x/models/y", "/v1/projects/p/locations/global/publishers/x/models/y:generateContent"),
        ("p", "endpoints/7", "/v1/projects/p/locations/global/endpoints/7:generateContent"),
    ],
)
async def test_models_of_every_collection_have_their_address(project: str | None, model: str, path: str) -> None:
    wire = VERTEX_WIRE if project else GEMINI_WIRE
    config = {"api_key": "k"} | ({"project": project} if project else {})
    async with FakeUpstream.open(wire) as upstream:
        async with open_alone(GEMINI, {"base_url": upstream.url, **config}) as provider:
            # The fake knows the models of Google's own collection alone.
            await attempt(provider.complete(CHAT.model_copy(update={"model": model}), Call()))
        asked = [*(received.request.path for received in upstream.received), *(one.path for one in upstream.strays)]
    assert asked == [path]


@pytest.mark.parametrize(("model", "parts"), [("gemini-embedding-001", [1, 1, 1]), ("text-embedding-005", [3])])
async def test_models_on_vertex_are_given_as_many_texts_as_they_take(model: str, parts: list[int]) -> None:
    config = {"api_key": "k", "project": "kit"}
    async with (
        FakeUpstream.open(VERTEX_WIRE) as upstream,
        open_alone(GEMINI, {"base_url": upstream.url, **config}) as provider,
    ):
        request = EmbeddingRequest.model_validate({"model": model, "input": ["a", "b", "c"]})
        answer = await provider.embed(request, Call())
        assert [item.index for item in answer.value.data] == [0, 1, 2]
        assert answer.value.usage.total_tokens == 11 * len(parts)
        assert [len(received.request.json["instances"]) for received in upstream.received] == parts


@pytest.mark.parametrize("bad", [{"location": "evil.example/"}, {"location": "a\n"}, {"project": "p/../q"}])
def test_what_becomes_a_part_of_the_address_is_one(bad: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        GeminiConfig.model_validate({"project": "p", **bad})
