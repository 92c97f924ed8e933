"""The index keeps its contract: in this process, and on a real server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest
from pydantic import HttpUrl

from dinrail_chroma.plugin import CHROMA, ChromaConfig
from dinrail_sdk.testing import FakeUpstream, VectorIndexSuite
from dinrail_sdk.testing.vector_runs import ESSENTIAL


class TestEmbeddedChroma(VectorIndexSuite):
    provider = CHROMA
    against = "Chroma in this process"
    recall = 0.95
    unsupported: ClassVar[Mapping[str, str]] = {
        "two_processes": "Chroma's files are for one process; a server serves many"
    }

    def config(self, upstream: FakeUpstream) -> ChromaConfig:
        return ChromaConfig()


class TestChromaServer(VectorIndexSuite):
    provider = CHROMA
    against = "a real server (`chroma run`)"
    every_run = ESSENTIAL | {"another_process"}
    recall = 0.95

    @pytest.fixture(autouse=True)
    def _server(self, chroma_url: str) -> None:
        self.url = HttpUrl(chroma_url)

    def config(self, upstream: FakeUpstream) -> ChromaConfig:
        return ChromaConfig(url=self.url)
