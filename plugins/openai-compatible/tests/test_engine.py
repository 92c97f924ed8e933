"""Infinity, a server of embeddings and rankings: `make engines` says how it is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from dinrail_openai_compatible.plugin import OPENAI_COMPATIBLE, OpenAICompatibleConfig
from dinrail_sdk.testing import EmbedderSuite, FakeUpstream, ModelSourceSuite, RerankerSuite
from dinrail_sdk.testing.engines import (
    Engine,
    free_port,
    given_engine,
    installed_engine,
    running_engine,
    write_random_model,
)
from dinrail_sdk.testing.suite import Suite

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("infinity"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if (given := given_engine("infinity")) is not None:
        yield given
        return
    python, folder, port = installed_engine("infinity"), tmp_path_factory.mktemp("infinity"), free_port()
    command: list[str | Path] = [python.with_name("infinity_emb"), "v2", "--host", "127.0.0.1", "--port", str(port)]
    for kind in ("embed", "rank"):
        command += ["--model-id", write_random_model(python, kind, folder), "--served-model-name", kind]
    command += [
        "--url-prefix",
        "/v1",
        "--engine",
        "torch",
        "--device",
        "cpu",
        "--no-bettertransformer",
        "--no-model-warmup",
    ]
    url = f"http://127.0.0.1:{port}/v1"
    with running_engine(command, f"{url}/models", folder):
        yield Engine(url, "embed")


class _Infinity(Suite):
    provider = OPENAI_COMPATIBLE
    dialect = None
    against = "Infinity 0.0.78 on the processor, with models of random weights"
    engine: ClassVar[Engine]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _running(cls, engine: Engine) -> None:
        cls.engine = engine

    def config(self, upstream: FakeUpstream) -> OpenAICompatibleConfig:
        return OpenAICompatibleConfig.model_validate({"base_url": self.engine.url})


class TestEmbeddings(EmbedderSuite, ModelSourceSuite, _Infinity):
    model = "embed"


class TestRankings(RerankerSuite, _Infinity):
    model = "rank"
    unsupported: ClassVar[dict[str, str]] = {"rerank_order": "weights are random: which document is best is chance"}
