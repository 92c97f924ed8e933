from __future__ import annotations

from dinrail_huggingface.plugin import HUGGINGFACE, HuggingFaceConfig
from dinrail_sdk.testing import ChatModelSuite, CompletionModelSuite, FakeUpstream, ModelSourceSuite


class TestHuggingFace(ChatModelSuite, CompletionModelSuite, ModelSourceSuite):
    provider = HUGGINGFACE

    def config(self, upstream: FakeUpstream) -> HuggingFaceConfig:
        return HuggingFaceConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
