"""The index keeps its contract, on a real PostgreSQL: exactly, and with an approximate index."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from dinrail_pgvector.plugin import PGVECTOR, PgvectorConfig
from dinrail_sdk.testing import FakeUpstream, VectorIndexSuite
from dinrail_sdk.testing.databases import PostgreSQL


class TestPgvector(VectorIndexSuite):
    provider = PGVECTOR
    against = "a real PostgreSQL 18 with pgvector"

    @pytest.fixture(autouse=True)
    def _database(self, postgresql: PostgreSQL) -> Iterator[None]:
        self.url = postgresql.create()
        yield
        postgresql.drop(self.url)

    def config(self, upstream: FakeUpstream) -> PgvectorConfig:
        return PgvectorConfig(url=SecretStr(self.url))


class TestPgvectorApproximately(TestPgvector):
    recall = 0.95
    against = "the same, with an HNSW index"
    every_run = frozenset({"nearest", "filter_far_away"})

    def config(self, upstream: FakeUpstream) -> PgvectorConfig:
        return PgvectorConfig(url=SecretStr(self.url), search="approximate")
