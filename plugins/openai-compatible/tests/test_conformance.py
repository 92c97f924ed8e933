from __future__ import annotations

from dinrail_openai_compatible.plugin import OPENAI_COMPATIBLE, OpenAICompatibleConfig
from dinrail_sdk.testing import (
    ChatModelSuite,
    CompletionModelSuite,
    EmbedderSuite,
    FakeUpstream,
    ModelSourceSuite,
    ModeratorSuite,
    RerankerSuite,
)


class TestOpenAICompatible(
    ChatModelSuite, CompletionModelSuite, EmbedderSuite, RerankerSuite, ModeratorSuite, ModelSourceSuite
):
    provider = OPENAI_COMPATIBLE

    def config(self, upstream: FakeUpstream) -> OpenAICompatibleConfig:
        return OpenAICompatibleConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
