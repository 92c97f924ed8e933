from __future__ import annotations

from typing import ClassVar

from dinrail_ollama.plugin import OLLAMA, OllamaConfig
from dinrail_sdk.testing import ChatModelSuite, EmbedderSuite, FakeUpstream, ModelSourceSuite
from dinrail_sdk.testing.dialects.ollama import OLLAMA_WIRE


class TestOllama(ChatModelSuite, EmbedderSuite, ModelSourceSuite):
    provider = OLLAMA
    dialect = OLLAMA_WIRE
    unsupported: ClassVar[dict[str, str]] = {
        "wrong_types[chat.complete]": "such an answer has no list; other wrong types are tested in test_answers.py",
        "wrong_types[chat.stream]": "such a stream has no list; other wrong types are tested in test_answers.py",
    }

    def config(self, upstream: FakeUpstream) -> OllamaConfig:
        return OllamaConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
