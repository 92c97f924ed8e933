from __future__ import annotations

from dinrail_openai.plugin import OPENAI, OpenAIConfig
from dinrail_sdk.testing import (
    ChatModelSuite,
    CompletionModelSuite,
    EmbedderSuite,
    FakeUpstream,
    ModelSourceSuite,
    ModeratorSuite,
)


class TestOpenAI(ChatModelSuite, CompletionModelSuite, EmbedderSuite, ModeratorSuite, ModelSourceSuite):
    provider = OPENAI

    def config(self, upstream: FakeUpstream) -> OpenAIConfig:
        return OpenAIConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
