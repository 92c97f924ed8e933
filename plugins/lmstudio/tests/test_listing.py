from __future__ import annotations

import json

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelInfo
from dinrail_core.api.responses.contract import NativeResponses
from dinrail_lmstudio.plugin import LMSTUDIO
from dinrail_sdk.testing import OPENAI, FakeUpstream, open_alone

TALKS = frozenset({ChatModel, CompletionModel})
LISTED = {
    "object": "list",
    "data": [
        {"id": "qwen2-vl-7b", "type": "vlm", "publisher": "mlx-community", "max_context_length": 32768},
        {
            "id": "llama-8b",
            "type": "llm",
            "state": "loaded",
            "loaded_context_length": 4096,
            "max_context_length": 131072,
        },
        {"id": "nomic", "type": "embeddings", "state": "not-loaded", "max_context_length": 2048},
    ],
}


async def test_models_are_listed_with_what_is_told_of_them() -> None:
    async with FakeUpstream.open(OPENAI) as upstream:
        upstream.shelf["/api/v0/models"] = json.dumps(LISTED).encode()
        async with open_alone(LMSTUDIO, {"base_url": upstream.url, "api_key": "k"}) as provider:
            assert await provider.models() == [
                ModelInfo("qwen2-vl-7b", TALKS, owned_by="mlx-community", context_length=32768),
                ModelInfo("llama-8b", TALKS, context_length=4096),
                ModelInfo("nomic", frozenset({Embedder}), context_length=2048),
            ]


async def test_models_that_chat_give_responses_where_the_operator_says_so() -> None:
    async with FakeUpstream.open(OPENAI) as upstream:
        upstream.shelf["/api/v0/models"] = json.dumps(LISTED).encode()
        async with open_alone(LMSTUDIO, {"base_url": upstream.url, "responses": "plain"}) as provider:
            assert provider.plain
            found = {model.id: NativeResponses in model.contracts for model in await provider.models()}
            assert found == {"qwen2-vl-7b": True, "llama-8b": True, "nomic": False}


async def test_an_older_version_lists_its_models_as_openai_does() -> None:
    async with (
        FakeUpstream.open(OPENAI) as upstream,
        open_alone(LMSTUDIO, {"base_url": upstream.url}) as provider,
    ):
        assert [model.id for model in await provider.models()] == [upstream.model]
