from __future__ import annotations

from typing import ClassVar

from dinrail_lmstudio.plugin import LMSTUDIO, LMStudioConfig
from dinrail_sdk.testing import ChatModelSuite, CompletionModelSuite, EmbedderSuite, FakeUpstream, ModelSourceSuite


class TestLMStudio(ChatModelSuite, CompletionModelSuite, EmbedderSuite, ModelSourceSuite):
    provider = LMSTUDIO
    unsupported: ClassVar[dict[str, str]] = {
        "n": "LM Studio gives one answer",
        "logprobs": "LM Studio tells none in chats",
    }

    def config(self, upstream: FakeUpstream) -> LMStudioConfig:
        return LMStudioConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
