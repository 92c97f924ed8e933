from __future__ import annotations

from typing import ClassVar

from dinrail_deepseek.plugin import DEEPSEEK, DeepSeekConfig
from dinrail_sdk.testing import ChatModelSuite, CompletionModelSuite, FakeUpstream, ModelSourceSuite
from dinrail_sdk.testing.dialects.deepseek import DEEPSEEK_WIRE


class TestDeepSeek(ChatModelSuite, CompletionModelSuite, ModelSourceSuite):
    provider = DEEPSEEK
    dialect = DEEPSEEK_WIRE
    unsupported: ClassVar[dict[str, str]] = {
        "json_schema": "DeepSeek has json_object and strict tools alone",
        "images": "DeepSeek's API takes text alone",
        "audio_input": "DeepSeek's API takes text alone",
        "file_input": "DeepSeek's API takes text alone",
    }

    def config(self, upstream: FakeUpstream) -> DeepSeekConfig:
        return DeepSeekConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
