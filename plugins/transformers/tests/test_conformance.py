"""The kit's suites over the tiny models: what can be said without knowing the answers beforehand."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import pytest

from dinrail_sdk.testing import ChatModelSuite, CheckedSuite, EmbedderSuite, FakeUpstream, ModelSourceSuite
from dinrail_transformers.plugin import TRANSFORMERS, TransformersConfig

pytestmark = pytest.mark.skipif(
    find_spec("torch") is None,
    reason="NO MODEL IS RUN: torch is not installed here; `make test-transformers` does it",
)

MODELS: dict[str, object] = {}


@pytest.fixture(autouse=True, scope="module")
def _models(speaker: Path, embedder: Path) -> None:
    MODELS.update(speaker=str(speaker), embedder={"source": str(embedder), "embedding": True})


class TestChats(ChatModelSuite, ModelSourceSuite, CheckedSuite):
    provider = TRANSFORMERS
    dialect = None
    model = "speaker"

    def config(self, upstream: FakeUpstream) -> TransformersConfig:
        return TransformersConfig.model_validate({"models": MODELS, "threads": 1})


class TestEmbeddings(EmbedderSuite):
    provider = TRANSFORMERS
    dialect = None
    model = "embedder"
    unsupported: ClassVar = {}

    def config(self, upstream: FakeUpstream) -> TransformersConfig:
        return TransformersConfig.model_validate({"models": MODELS, "threads": 1})
