from __future__ import annotations

from dinrail_sdk.testing import (
    ChatModelSuite,
    CompletionModelSuite,
    EmbedderSuite,
    FakeUpstream,
    ModelSourceSuite,
    RerankerSuite,
)
from dinrail_sdk.testing.dialects.reasoning import REASONING_WIRE
from dinrail_vllm.plugin import VLLM, VllmConfig


class TestVllm(ChatModelSuite, CompletionModelSuite, EmbedderSuite, RerankerSuite, ModelSourceSuite):
    provider = VLLM
    dialect = REASONING_WIRE

    def config(self, upstream: FakeUpstream) -> VllmConfig:
        return VllmConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
