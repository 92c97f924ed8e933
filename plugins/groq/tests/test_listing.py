from __future__ import annotations

import json

from dinrail_core.api.provider import ModelInfo
from dinrail_groq.plugin import GROQ
from dinrail_sdk.testing import OPENAI, FakeUpstream, open_alone

LISTED = {
    "object": "list",
    "data": [
        {"id": "llama-3.3-70b", "created": 1733447754, "owned_by": "Meta", "active": True, "context_window": 131072},
        {"id": "gone", "created": 1, "owned_by": "Meta", "active": False, "context_window": 8192},
    ],
}


async def test_models_are_listed_with_what_is_told_of_them() -> None:
    async with FakeUpstream.open(OPENAI) as upstream:
        upstream.shelf["/v1/models"] = json.dumps(LISTED).encode()
        async with open_alone(GROQ, {"base_url": upstream.url, "api_key": "k"}) as provider:
            assert await provider.models() == [
                ModelInfo("llama-3.3-70b", created=1733447754, owned_by="Meta", context_length=131072)
            ]
