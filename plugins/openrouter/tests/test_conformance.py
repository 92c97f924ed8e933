from __future__ import annotations

from dinrail_openrouter.plugin import OPENROUTER, OpenRouterConfig
from dinrail_sdk.testing import (
    ChatModelSuite,
    CompletionModelSuite,
    EmbedderSuite,
    FakeUpstream,
    ModelSourceSuite,
    RerankerSuite,
)
from dinrail_sdk.testing.dialects.openrouter import OPENROUTER_WIRE


class TestOpenRouter(ChatModelSuite, CompletionModelSuite, EmbedderSuite, RerankerSuite, ModelSourceSuite):
    provider = OPENROUTER
    dialect = OPENROUTER_WIRE

    def config(self, upstream: FakeUpstream) -> OpenRouterConfig:
        return OpenRouterConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
