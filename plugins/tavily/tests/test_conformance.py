from __future__ import annotations

from dinrail_sdk.testing import FakeUpstream, WebSearcherSuite
from dinrail_sdk.testing.dialects.search_engines import TAVILY_WIRE
from dinrail_tavily.plugin import TAVILY, TavilyConfig


class TestTavily(WebSearcherSuite):
    provider = TAVILY
    dialect = TAVILY_WIRE

    def config(self, upstream: FakeUpstream) -> TavilyConfig:
        return TavilyConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
