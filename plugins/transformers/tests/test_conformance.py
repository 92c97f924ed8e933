"""The kit's suites over the tiny models: what can be said without knowing the answers beforehand."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import pytest

from dinrail_sdk.testing import (
    ChatModelSuite,
    CheckedSuite,
    CompletionModelSuite,
    EmbedderSuite,
    EngineSuite,
    FakeUpstream,
    ModelSourceSuite,
)
from dinrail_transformers.plugin import TRANSFORMERS, TransformersConfig

pytestmark = pytest.mark.skipif(
    find_spec("torch") is None,
    reason="NO MODEL IS RUN: torch is not installed here; `make test-transformers` does it",
)

MODELS: dict[str, object] = {}


@pytest.fixture(autouse=True, scope="module")
def _models(speaker: Path, embedder: Path) -> None:
    MODELS.update(speaker=str(speaker), embedder={"source": str(embedder), "embedding": True})


AGAINST = "models of the tests' own in torch, by `make test-transformers`"


class TestChats(ChatModelSuite, CompletionModelSuite, ModelSourceSuite, CheckedSuite, EngineSuite):
    provider = TRANSFORMERS
    dialect = None
    model = "speaker"
    against = AGAINST
    unsupported: ClassVar = {
        "tool_choice": "nothing makes a model call a tool; calls of its own, and thoughts, are in test_models.py",
        "json_schema": "nothing holds the model to a schema",
    }

    def config(self, upstream: FakeUpstream) -> TransformersConfig:
        return TransformersConfig.model_validate({"models": MODELS, "threads": 1})


class TestEmbeddings(EmbedderSuite):
    provider = TRANSFORMERS
    dialect = None
    model = "embedder"
    against = AGAINST

    def config(self, upstream: FakeUpstream) -> TransformersConfig:
        return TransformersConfig.model_validate({"models": MODELS, "threads": 1})
