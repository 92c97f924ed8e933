from __future__ import annotations

from typing import ClassVar

from dinrail_sdk.testing import (
    ChatModelSuite,
    CompletionModelSuite,
    EmbedderSuite,
    FakeUpstream,
    ModelSourceSuite,
    RerankerSuite,
)
from dinrail_together.plugin import TOGETHER, TogetherConfig


class TestTogether(ChatModelSuite, CompletionModelSuite, EmbedderSuite, RerankerSuite, ModelSourceSuite):
    provider = TOGETHER
    unsupported: ClassVar[dict[str, str]] = {
        "logprobs": "Together's are of another form, and go through as they are",
        "token_inputs": "Together embeds texts alone",
    }

    def config(self, upstream: FakeUpstream) -> TogetherConfig:
        return TogetherConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
