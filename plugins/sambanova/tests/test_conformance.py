from __future__ import annotations

from typing import ClassVar

from dinrail_sambanova.plugin import SAMBANOVA, SambaNovaConfig
from dinrail_sdk.testing import ChatModelSuite, CompletionModelSuite, EmbedderSuite, FakeUpstream, ModelSourceSuite
from dinrail_sdk.testing.dialects.reasoning import REASONING_WIRE


class TestSambaNova(ChatModelSuite, CompletionModelSuite, EmbedderSuite, ModelSourceSuite):
    provider = SAMBANOVA
    dialect = REASONING_WIRE
    unsupported: ClassVar[dict[str, str]] = {
        "penalties": "SambaNova accepts them and overlooks them",
        "token_inputs": "SambaNova embeds texts alone",
    }

    def config(self, upstream: FakeUpstream) -> SambaNovaConfig:
        return SambaNovaConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
