from __future__ import annotations

from typing import ClassVar

from dinrail_gemini.plugin import GEMINI, GeminiConfig
from dinrail_sdk.testing import ChatModelSuite, EmbedderSuite, FakeUpstream, ModelSourceSuite
from dinrail_sdk.testing.dialects.gemini import GEMINI_WIRE, VERTEX_WIRE


class TestGemini(ChatModelSuite, EmbedderSuite, ModelSourceSuite):
    provider = GEMINI
    dialect = GEMINI_WIRE
    unsupported: ClassVar[dict[str, str]] = {
        "bad_utf8[embeddings]": "an answer to embeddings has no text",
    }

    def config(self, upstream: FakeUpstream) -> GeminiConfig:
        return GeminiConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})


class TestVertex(ChatModelSuite, EmbedderSuite, ModelSourceSuite):
    provider = GEMINI
    dialect = VERTEX_WIRE
    unsupported: ClassVar[dict[str, str]] = {
        "bad_utf8[embeddings]": "an answer to embeddings has no text",
        "context_length_listed": "Vertex AI tells none",
    }

    def config(self, upstream: FakeUpstream) -> GeminiConfig:
        return GeminiConfig.model_validate({"base_url": upstream.url, "api_key": "token-of-the-kit", "project": "kit"})
