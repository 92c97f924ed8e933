from __future__ import annotations

from dinrail_runpod.plugin import RUNPOD, RunpodConfig
from dinrail_sdk.testing import ChatModelSuite, CompletionModelSuite, EmbedderSuite, FakeUpstream, ModelSourceSuite
from dinrail_sdk.testing.dialects.reasoning import REASONING_WIRE


class TestRunpod(ChatModelSuite, CompletionModelSuite, EmbedderSuite, ModelSourceSuite):
    provider = RUNPOD
    dialect = REASONING_WIRE

    def config(self, upstream: FakeUpstream) -> RunpodConfig:
        return RunpodConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
