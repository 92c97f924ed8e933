"""The index keeps its contract."""

from __future__ import annotations

from dinrail_lancedb.plugin import LANCEDB, LancedbConfig
from dinrail_sdk.testing import FakeUpstream, VectorIndexSuite


class TestLancedb(VectorIndexSuite):
    provider = LANCEDB

    def config(self, upstream: FakeUpstream) -> LancedbConfig:
        return LancedbConfig()
