from __future__ import annotations

from dinrail_sdk.testing import FakeUpstream, WebSearcherSuite
from dinrail_sdk.testing.dialects.search_engines import SEARXNG_WIRE
from dinrail_searxng.plugin import SEARXNG, SearxngConfig


class TestSearxng(WebSearcherSuite):
    provider = SEARXNG
    dialect = SEARXNG_WIRE

    def config(self, upstream: FakeUpstream) -> SearxngConfig:
        return SearxngConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
