"""The index keeps its contract: with its collections in memory, and searched in the file."""

from __future__ import annotations

from dinrail_sdk.testing import FakeUpstream, VectorIndexSuite
from dinrail_sdk.testing.vector_runs import ESSENTIAL
from dinrail_sqlite_vec.plugin import SQLITE_VEC, SqliteVecConfig


class TestSqliteVec(VectorIndexSuite):
    provider = SQLITE_VEC
    against = "the engine itself; collections in memory"

    def config(self, upstream: FakeUpstream) -> SqliteVecConfig:
        return SqliteVecConfig()


class TestSqliteVecInTheFile(VectorIndexSuite):
    provider = SQLITE_VEC
    against = "the engine itself; searched in the file"
    every_run = ESSENTIAL | {"filter_any", "ten_thousand"}

    def config(self, upstream: FakeUpstream) -> SqliteVecConfig:
        return SqliteVecConfig(memory_mb=0)
