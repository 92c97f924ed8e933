"""The index keeps its contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from dinrail_faiss.plugin import FAISS, FaissConfig
from dinrail_sdk.testing import FakeUpstream, VectorIndexSuite


class TestFaiss(VectorIndexSuite):
    provider = FAISS
    against = "FAISS in this process"
    unsupported: ClassVar[Mapping[str, str]] = {"two_processes": "FAISS works in the memory of one process"}

    def config(self, upstream: FakeUpstream) -> FaissConfig:
        return FaissConfig()
