"""The index keeps its contract, on a real Milvus Lite server."""

from __future__ import annotations

import pytest
from pydantic import HttpUrl

from dinrail_milvus.plugin import MILVUS, MilvusConfig
from dinrail_sdk.testing import FakeUpstream, VectorIndexSuite
from dinrail_sdk.testing.vector_runs import ESSENTIAL


class TestMilvus(VectorIndexSuite):
    provider = MILVUS
    against = "a real server (`milvus-lite server`)"
    every_run = ESSENTIAL

    @pytest.fixture(autouse=True)
    def _server(self, milvus_url: str) -> None:
        self.url = HttpUrl(milvus_url)

    def config(self, upstream: FakeUpstream) -> MilvusConfig:
        return MilvusConfig(url=self.url)
