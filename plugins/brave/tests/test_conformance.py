from __future__ import annotations

from dinrail_brave.plugin import BRAVE, BraveConfig
from dinrail_sdk.testing import FakeUpstream, WebSearcherSuite
from dinrail_sdk.testing.dialects.search_engines import BRAVE_WIRE


class TestBrave(WebSearcherSuite):
    provider = BRAVE
    dialect = BRAVE_WIRE

    def config(self, upstream: FakeUpstream) -> BraveConfig:
        return BraveConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})
