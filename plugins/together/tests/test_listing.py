from __future__ import annotations

import json

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelInfo
from dinrail_core.api.rerank import Reranker
from dinrail_sdk.testing import OPENAI, FakeUpstream, open_alone
from dinrail_together.plugin import TOGETHER

LISTED = [
    {"id": "a/chat", "object": "model", "created": 1692896905, "type": "chat", "context_length": 2048},
    {"id": "a/base", "object": "model", "created": 0, "type": "language", "context_length": 4096},
    {"id": "a/vectors", "object": "model", "created": 0, "type": "embedding"},
    {"id": "a/rank", "object": "model", "created": 0, "type": "rerank"},
    {"id": "a/pictures", "object": "model", "created": 0, "type": "image"},
    {"id": "a/odd", "object": "model", "created": 0, "type": ["chat"]},
]


async def test_models_are_listed_with_what_is_told_of_them() -> None:
    async with FakeUpstream.open(OPENAI) as upstream:
        upstream.shelf["/v1/models"] = json.dumps(LISTED).encode()
        async with open_alone(TOGETHER, {"base_url": upstream.url, "api_key": "k"}) as provider:
            assert await provider.models() == [
                ModelInfo("a/chat", frozenset({ChatModel, CompletionModel}), created=1692896905, context_length=2048),
                ModelInfo("a/base", frozenset({CompletionModel}), context_length=4096),
                ModelInfo("a/vectors", frozenset({Embedder})),
                ModelInfo("a/rank", frozenset({Reranker})),
                ModelInfo("a/odd"),
            ]
