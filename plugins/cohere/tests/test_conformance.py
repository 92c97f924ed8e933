from __future__ import annotations

from typing import ClassVar

from dinrail_cohere.plugin import COHERE, CohereConfig
from dinrail_sdk.testing import ChatModelSuite, EmbedderSuite, FakeUpstream, ModelSourceSuite, RerankerSuite
from dinrail_sdk.testing.dialects.cohere import COHERE_WIRE


class TestCohere(ChatModelSuite, EmbedderSuite, RerankerSuite, ModelSourceSuite):
    provider = COHERE
    dialect = COHERE_WIRE
    unsupported: ClassVar[dict[str, str]] = {
        "chat_tool_choice": "one function is named by offering it alone; tested in test_requests.py",
    }

    def config(self, upstream: FakeUpstream) -> CohereConfig:
        return CohereConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
