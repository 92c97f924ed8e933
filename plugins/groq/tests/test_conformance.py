from __future__ import annotations

from typing import ClassVar

from dinrail_groq.plugin import GROQ, GroqConfig
from dinrail_sdk.testing import ChatModelSuite, FakeUpstream, ModelSourceSuite
from dinrail_sdk.testing.dialects.reasoning import GROQ_WIRE


class TestGroq(ChatModelSuite, ModelSourceSuite):
    provider = GROQ
    dialect = GROQ_WIRE
    unsupported: ClassVar[dict[str, str]] = {
        "logprobs": "Groq answers 400 to them",
        "n": "Groq answers 400 to more than one",
    }

    def config(self, upstream: FakeUpstream) -> GroqConfig:
        return GroqConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
