from __future__ import annotations

import json

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelInfo
from dinrail_mistral.plugin import MISTRAL
from dinrail_sdk.testing import OPENAI, FakeUpstream, open_alone

LISTED = {
    "object": "list",
    "data": [
        {
            "id": "mistral-large",
            "max_context_length": 131072,
            "capabilities": {"completion_chat": True, "vision": True},
        },
        {"id": "mistral-embed", "max_context_length": 8192, "capabilities": {"completion_chat": False}},
        {"id": "mistral-ocr", "capabilities": {"completion_chat": False, "ocr": True}},
        {"id": "mistral-moderation", "capabilities": {"completion_chat": False, "moderation": True}},
        {"id": "untold"},
    ],
}


async def test_models_are_listed_with_what_is_told_of_them() -> None:
    async with FakeUpstream.open(OPENAI) as upstream:
        upstream.shelf["/v1/models"] = json.dumps(LISTED).encode()
        async with open_alone(MISTRAL, {"base_url": upstream.url, "api_key": "k"}) as provider:
            assert await provider.models() == [
                ModelInfo("mistral-large", frozenset({ChatModel}), context_length=131072),
                ModelInfo("mistral-embed", frozenset({Embedder}), context_length=8192),
                ModelInfo("untold"),
            ]
