"""vLLM itself, on the processor: `make engines` says how it is found."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from dinrail_sdk.testing import ChatModelSuite, CompletionModelSuite, EngineSuite, FakeUpstream, ModelSourceSuite
from dinrail_sdk.testing.engines import (
    Engine,
    free_port,
    given_engine,
    installed_engine,
    running_engine,
    write_random_model,
)
from dinrail_vllm.plugin import VLLM, VllmConfig

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("vllm"), pytest.mark.timeout(600)]

OPTIONS = {
    "served-model-name": "tiny",
    "host": "127.0.0.1",
    "dtype": "bfloat16",
    "max-model-len": "1024",
    "max-num-seqs": "16",
    "tool-call-parser": "hermes",
}
ENVIRONMENT = {"VLLM_CPU_KVCACHE_SPACE": "1", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if (given := given_engine("vllm")) is not None:
        yield given
        return
    python, folder, port = installed_engine("vllm"), tmp_path_factory.mktemp("vllm"), free_port()
    model = write_random_model(python, "chat", folder)
    options = [word for name, value in OPTIONS.items() for word in (f"--{name}", value)]
    command: list[str | Path] = [
        python,
        "-m",
        "vllm.entrypoints.openai.api_server",
        "--model",
        model,
        "--port",
        str(port),
        *options,
    ]
    command += ["--enforce-eager", "--enable-auto-tool-choice"]
    url = f"http://127.0.0.1:{port}"
    with running_engine(command, f"{url}/health", folder, environment=ENVIRONMENT):
        _warm_up(url)
        yield Engine(f"{url}/v1", OPTIONS["served-model-name"])


def _warm_up(url: str) -> None:
    """The first answer takes longer than a call of the suites may."""
    body = json.dumps({"model": OPTIONS["served-model-name"], "prompt": "a", "max_tokens": 1}).encode()
    request = urllib.request.Request(f"{url}/v1/completions", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        assert answer.status == 200


class TestVllm(ChatModelSuite, CompletionModelSuite, ModelSourceSuite, EngineSuite):
    provider = VLLM
    dialect = None
    against = "vLLM 0.32.0 on the processor, with a model of random weights"
    engine: ClassVar[Engine]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _running(cls, engine: Engine) -> None:
        cls.engine, cls.model = engine, engine.model

    def config(self, upstream: FakeUpstream) -> VllmConfig:
        return VllmConfig.model_validate({"base_url": self.engine.url})
