from __future__ import annotations

from typing import ClassVar

from dinrail_cerebras.plugin import CEREBRAS, CerebrasConfig
from dinrail_sdk.testing import ChatModelSuite, CompletionModelSuite, FakeUpstream, ModelSourceSuite
from dinrail_sdk.testing.dialects.reasoning import CEREBRAS_WIRE


class TestCerebras(ChatModelSuite, CompletionModelSuite, ModelSourceSuite):
    provider = CEREBRAS
    dialect = CEREBRAS_WIRE
    unsupported: ClassVar[dict[str, str]] = {
        "penalties": "Cerebras answers 400 to them",
    }

    def config(self, upstream: FakeUpstream) -> CerebrasConfig:
        return CerebrasConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
