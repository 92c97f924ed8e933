"""A provider that does everything right passes every case of every suite."""

from __future__ import annotations

from honest_provider import Honest, HonestConfig, provider_type

from dinrail_sdk.testing import (
    ChatModelSuite,
    CheckedSuite,
    CompletionModelSuite,
    EmbedderSuite,
    EngineSuite,
    FakeUpstream,
    ModelSourceSuite,
    ModeratorSuite,
    RerankerSuite,
)


class TestHonestProvider(
    ChatModelSuite,
    CompletionModelSuite,
    EmbedderSuite,
    RerankerSuite,
    ModeratorSuite,
    ModelSourceSuite,
    CheckedSuite,
    EngineSuite,
):
    provider = provider_type(Honest)

    def config(self, upstream: FakeUpstream) -> HonestConfig:
        return HonestConfig.model_validate({"base_url": upstream.url, "api_key": "sk-configured-0123456789"})
