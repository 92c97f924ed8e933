from __future__ import annotations

import json

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelInfo
from dinrail_fireworks.plugin import FIREWORKS
from dinrail_sdk.testing import OPENAI, FakeUpstream, open_alone

LISTED = {
    "data": [
        {"id": "accounts/f/models/a", "kind": "HF_BASE_MODEL", "supports_chat": True, "context_length": 131072},
        {"id": "accounts/f/models/b", "kind": "EMBEDDING_MODEL", "supports_chat": False},
        {"id": "accounts/f/models/c", "kind": "FLUMINA_BASE_MODEL", "supports_chat": False},
        {"id": "accounts/f/models/d", "kind": "HF_BASE_MODEL", "supports_chat": False},
    ],
}


async def test_models_are_listed_with_what_is_told_of_them() -> None:
    async with FakeUpstream.open(OPENAI) as upstream:
        upstream.shelf["/v1/models"] = json.dumps(LISTED).encode()
        async with open_alone(FIREWORKS, {"base_url": upstream.url, "api_key": "k"}) as provider:
            assert await provider.models() == [
                ModelInfo("accounts/f/models/a", frozenset({ChatModel, CompletionModel}), context_length=131072),
                ModelInfo("accounts/f/models/b", frozenset({Embedder})),
                ModelInfo("accounts/f/models/d"),
            ]
