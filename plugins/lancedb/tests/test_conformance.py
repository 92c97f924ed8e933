"""The index keeps its contract."""

from __future__ import annotations

from dinrail_lancedb.plugin import LANCEDB, LancedbConfig
from dinrail_sdk.testing import FakeUpstream, VectorIndexSuite
from dinrail_sdk.testing.vector_runs import ESSENTIAL


class TestLancedb(VectorIndexSuite):
    provider = LANCEDB
    against = "LanceDB over a folder"
    every_run = ESSENTIAL

    def config(self, upstream: FakeUpstream) -> LancedbConfig:
        return LancedbConfig()
