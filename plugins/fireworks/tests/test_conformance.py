from __future__ import annotations

from dinrail_fireworks.plugin import FIREWORKS, FireworksConfig
from dinrail_sdk.testing import (
    ChatModelSuite,
    CompletionModelSuite,
    EmbedderSuite,
    FakeUpstream,
    ModelSourceSuite,
    RerankerSuite,
)
from dinrail_sdk.testing.dialects.fireworks import FIREWORKS_WIRE


class TestFireworks(ChatModelSuite, CompletionModelSuite, EmbedderSuite, RerankerSuite, ModelSourceSuite):
    provider = FIREWORKS
    dialect = FIREWORKS_WIRE

    def config(self, upstream: FakeUpstream) -> FireworksConfig:
        return FireworksConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
