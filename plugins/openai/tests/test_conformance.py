from __future__ import annotations

from typing import ClassVar

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
    unsupported: ClassVar[dict[str, str]] = {"thoughts": "OpenAI takes none back in chats"}

    def config(self, upstream: FakeUpstream) -> OpenAIConfig:
        return OpenAIConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
