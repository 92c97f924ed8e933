from __future__ import annotations

from typing import ClassVar

from dinrail_nvidia.plugin import NVIDIA, NvidiaConfig
from dinrail_sdk.testing import (
    ChatModelSuite,
    CompletionModelSuite,
    EmbedderSuite,
    FakeUpstream,
    ModelSourceSuite,
    RerankerSuite,
)
from dinrail_sdk.testing.dialects.nvidia import NVIDIA_WIRE


class TestNvidia(ChatModelSuite, CompletionModelSuite, EmbedderSuite, RerankerSuite, ModelSourceSuite):
    provider = NVIDIA
    dialect = NVIDIA_WIRE
    unsupported: ClassVar[dict[str, str]] = {
        "token_inputs": "NeMo Retriever embeds texts alone",
        "bad_utf8[rerank]": "NeMo Retriever's rankings have no text",
    }

    def config(self, upstream: FakeUpstream) -> NvidiaConfig:
        return NvidiaConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
