"""The index keeps its contract, against a fake that was written from Weaviate's documentation."""

from __future__ import annotations

import pytest
from pydantic import HttpUrl, SecretStr

from dinrail_sdk.testing import FakeUpstream, VectorIndexSuite
from dinrail_weaviate.plugin import WEAVIATE, WeaviateConfig


class TestWeaviate(VectorIndexSuite):
    provider = WEAVIATE
    against = "a fake written from its documentation: there is no package with the server"

    @pytest.fixture(autouse=True)
    def _server(self, weaviate_url: str) -> None:
        self.url = HttpUrl(weaviate_url)

    def config(self, upstream: FakeUpstream) -> WeaviateConfig:
        return WeaviateConfig(url=self.url, api_key=SecretStr("a-key"))
