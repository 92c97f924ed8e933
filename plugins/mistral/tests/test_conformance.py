from __future__ import annotations

from typing import ClassVar

from dinrail_mistral.plugin import MISTRAL, MistralConfig
from dinrail_sdk.testing import ChatModelSuite, EmbedderSuite, FakeUpstream, ModelSourceSuite
from dinrail_sdk.testing.dialects.mistral import MISTRAL_WIRE


class TestMistral(ChatModelSuite, EmbedderSuite, ModelSourceSuite):
    provider = MISTRAL
    dialect = MISTRAL_WIRE
    unsupported: ClassVar[dict[str, str]] = {
        "logprobs": "Mistral tells none, and refuses the wish",
        "token_inputs": "Mistral embeds texts alone",
        "refusals": "Mistral has no field for them",
        "chat_tool_results": "Mistral wants ids of nine letters and digits; others are replaced (test_requests.py)",
    }

    def config(self, upstream: FakeUpstream) -> MistralConfig:
        return MistralConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
