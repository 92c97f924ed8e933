from __future__ import annotations

from dinrail_sdk.testing import ChatModelSuite, EmbedderSuite, FakeUpstream, ModelSourceSuite, RerankerSuite
from dinrail_sdk.testing.dialects.watsonx import WATSONX_WIRE
from dinrail_watsonx.plugin import WATSONX, WatsonxConfig


class TestWatsonx(ChatModelSuite, EmbedderSuite, RerankerSuite, ModelSourceSuite):
    provider = WATSONX
    dialect = WATSONX_WIRE

    def config(self, upstream: FakeUpstream) -> WatsonxConfig:
        found = {"base_url": upstream.url, "iam_url": upstream.url, "api_key": "sk-of-the-kit", "project_id": "kit"}
        return WatsonxConfig.model_validate(found)
