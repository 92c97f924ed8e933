"""The index keeps its contract: with its collections in memory, and searched in the file."""

from __future__ import annotations

from dinrail_sdk.testing import FakeUpstream, VectorIndexSuite
from dinrail_sqlite_vec.plugin import SQLITE_VEC, SqliteVecConfig


class TestSqliteVec(VectorIndexSuite):
    provider = SQLITE_VEC

    def config(self, upstream: FakeUpstream) -> SqliteVecConfig:
        return SqliteVecConfig()


class TestSqliteVecInTheFile(VectorIndexSuite):
    provider = SQLITE_VEC

    def config(self, upstream: FakeUpstream) -> SqliteVecConfig:
        return SqliteVecConfig(memory_mb=0)
