"""vLLM itself, on the processor: `make engines` says how it is found."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dinrail_sdk.testing import ChatModelSuite, CompletionModelSuite, EngineSuite, FakeUpstream, ModelSourceSuite, serve
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
VERDICT = {
    "type": "object",
    "properties": {"verdict": {"enum": ["yes", "no"]}},
    "required": ["verdict"],
    "additionalProperties": False,
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


@pytest.mark.parametrize("said", ["plain", "whole"])
async def test_responses_are_made_by_its_own_responses_api(engine: Engine, said: str) -> None:
    """What is said is chance, so what counts is that the answer and the events are whole and add up."""
    one = {"type": "vllm", "base_url": engine.url, "responses": said}
    request: Any = {"model": f"one/{engine.model}", "input": "Say something.", "max_output_tokens": 16}
    async with (
        serve(plugins=["database", "responses", "vllm"], config={"providers": {"one": one}}) as served,
        served.openai() as client,
    ):
        whole = await client.responses.create(**request)
        assert (whole.status, whole.usage.output_tokens) == ("incomplete", 16)
        assert whole.output_text
        again = await client.responses.create(**request, previous_response_id=whole.id)
        assert again.usage.input_tokens > whole.usage.input_tokens
        deltas, final = [], None
        async for event in await client.responses.create(**request, stream=True):
            if event.type == "response.output_text.delta":
                deltas.append(event.delta)
            elif event.type == "response.incomplete":
                final = event.response
        assert final is not None
        assert "".join(deltas) == final.output_text
        verdict = await client.responses.create(
            **request | {"max_output_tokens": 256, "temperature": 1},
            text={"format": {"type": "json_schema", "name": "verdict", "schema": VERDICT, "strict": True}},
        )
        assert json.loads(verdict.output_text)["verdict"] in ("yes", "no")
