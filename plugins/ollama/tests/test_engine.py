"""A real Ollama that runs already: `make engines` says how it is named. There is no package that would bring one."""

from __future__ import annotations

from typing import ClassVar

import pytest

from dinrail_ollama.plugin import OLLAMA, OllamaConfig
from dinrail_sdk.testing import ChatModelSuite, EngineSuite, FakeUpstream, ModelSourceSuite
from dinrail_sdk.testing.engines import Engine, given_engine

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("ollama")]


class TestOllama(ChatModelSuite, ModelSourceSuite, EngineSuite):
    provider = OLLAMA
    dialect = None
    unsupported: ClassVar[dict[str, str]] = {"tool_choice": "that is the model's to decide"}
    engine: ClassVar[Engine]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _running(cls) -> None:
        engine = given_engine("ollama")
        if engine is None:
            pytest.skip("OLLAMA IS NOT TRIED: DINRAIL_ENGINE_OLLAMA and DINRAIL_ENGINE_OLLAMA_MODEL are not set")
        cls.engine, cls.model = engine, engine.model

    def config(self, upstream: FakeUpstream) -> OllamaConfig:
        return OllamaConfig.model_validate({"base_url": self.engine.url})
