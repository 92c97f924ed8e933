from __future__ import annotations

import json

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelInfo
from dinrail_core.api.rerank import Reranker
from dinrail_openrouter.plugin import OPENROUTER
from dinrail_sdk.testing import OPENAI, FakeUpstream, open_alone

LISTED = {
    "data": [
        {
            "id": "a/text",
            "created": 5,
            "context_length": 128000,
            "architecture": {"output_modalities": ["text", "image"]},
        },
        {"id": "a/vectors", "context_length": 8192, "architecture": {"output_modalities": ["embeddings"]}},
        {"id": "a/rank", "architecture": {"output_modalities": ["rerank"]}},
        {"id": "a/pictures", "architecture": {"output_modalities": ["image"]}},
        {"id": "a/untold", "architecture": None},
    ],
}


async def test_models_are_listed_with_what_is_told_of_them() -> None:
    async with FakeUpstream.open(OPENAI) as upstream:
        upstream.shelf["/v1/models"] = json.dumps(LISTED).encode()
        async with open_alone(OPENROUTER, {"base_url": upstream.url, "api_key": "k"}) as provider:
            assert await provider.models() == [
                ModelInfo("a/text", frozenset({ChatModel, CompletionModel}), created=5, context_length=128000),
                ModelInfo("a/vectors", frozenset({Embedder}), context_length=8192),
                ModelInfo("a/rank", frozenset({Reranker})),
                ModelInfo("a/untold"),
            ]
            assert upstream.fetched[-1].request.path == "/v1/models?output_modalities=all"
