from __future__ import annotations

from dinrail_anthropic.plugin import ANTHROPIC, AnthropicConfig
from dinrail_sdk.testing import ChatModelSuite, FakeUpstream, ModelSourceSuite
from dinrail_sdk.testing.dialects.anthropic import ANTHROPIC_WIRE


class TestAnthropic(ChatModelSuite, ModelSourceSuite):
    provider = ANTHROPIC
    dialect = ANTHROPIC_WIRE

    def config(self, upstream: FakeUpstream) -> AnthropicConfig:
        return AnthropicConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
