from __future__ import annotations

import json

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.provider import ModelInfo
from dinrail_huggingface.plugin import HUGGINGFACE
from dinrail_sdk.testing import OPENAI, FakeUpstream, open_alone

CHATS = frozenset({ChatModel})
LISTED = {
    "object": "list",
    "data": [
        {
            "id": "openai/gpt-oss-120b",
            "created": 1754316212,
            "owned_by": "openai",
            "providers": [
                {"provider": "cerebras", "status": "live", "context_length": 131072, "supports_tools": True},
                {"provider": "small", "status": "live", "context_length": 32768},
                {"provider": "asleep", "status": "staging", "context_length": 262144},
            ],
        },
        {"id": "a/silent", "providers": [{"provider": "b", "status": "live"}]},
        {"id": "a/gone", "providers": [{"provider": "b", "status": "error"}]},
    ],
}


async def test_models_are_listed_with_what_is_told_of_them() -> None:
    async with FakeUpstream.open(OPENAI) as upstream:
        upstream.shelf["/v1/models"] = json.dumps(LISTED).encode()
        async with open_alone(HUGGINGFACE, {"base_url": upstream.url, "api_key": "k"}) as provider:
            assert await provider.models() == [
                ModelInfo("openai/gpt-oss-120b", CHATS, 1754316212, owned_by="openai", context_length=131072),
                ModelInfo("a/silent", CHATS),
            ]


async def test_models_of_a_tgi_server_serve_whatever_it_serves() -> None:
    async with FakeUpstream.open(OPENAI) as upstream:
        upstream.shelf["/v1/models"] = b'{"object":"list","data":[{"id":"m","object":"model","created":0}]}'
        async with open_alone(HUGGINGFACE, {"base_url": upstream.url}) as provider:
            assert await provider.models() == [ModelInfo("m")]
