from __future__ import annotations

from typing import Any

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.embeddings import EmbeddingRequest
from dinrail_core.api.rerank import RerankRequest
from dinrail_core.errors import ContextLengthExceeded, DinrailError
from dinrail_nvidia.plugin import NVIDIA, NvidiaConfig
from dinrail_sdk.testing import FakeUpstream, Refused, open_alone
from dinrail_sdk.testing.dialects.nvidia import NVIDIA_WIRE


def test_a_key_in_the_environment_is_enough() -> None:
    assert NVIDIA.detect is not None
    assert NVIDIA.detect({}) is None
    found = NVIDIA.detect({"NVIDIA_API_KEY": "nvapi-1"})
    assert found is not None
    config = NvidiaConfig.model_validate(found)
    assert str(config.base_url) == "https://integrate.api.nvidia.com/v1"


@pytest.mark.parametrize(
    ("config", "address"),
    [
        ({}, "https://ai.api.nvidia.com/v1/retrieval"),
        ({"base_url": "http://nim:8000/v1"}, None),
        ({"base_url": "http://nim:8000/v1", "ranking_url": "http://rank:8000/v1"}, "http://rank:8000/v1"),
    ],
)
def test_hosted_rerankers_are_elsewhere_and_ones_own_where_it_is(config: dict[str, str], address: str | None) -> None:
    rankings = NvidiaConfig.model_validate(config | {"api_key": "k"}).rankings()
    assert (rankings and str(rankings.base_url)) == address
    assert rankings is None or rankings.api_key is not None


async def embedded(config: dict[str, Any], **asked: Any) -> dict[str, Any]:
    async with (
        FakeUpstream.open(NVIDIA_WIRE) as upstream,
        open_alone(NVIDIA, {"base_url": upstream.url, "max_retries": 0} | config) as provider,
    ):
        upstream.says(Refused(status=500))
        request = EmbeddingRequest.model_validate({"model": "m", "input": "a"} | asked)
        with pytest.raises(DinrailError):
            await provider.embed(request, Call())
        sent: dict[str, Any] = upstream.received[-1].request.json
        return sent


@pytest.mark.parametrize(
    ("config", "asked", "sent"),
    [
        ({}, {}, "passage"),
        ({"input_type": "query"}, {}, "query"),
        ({"input_type": "none"}, {}, None),
        ({}, {"input_type": "query"}, "query"),
        ({}, {"model": "nvidia/e5-query"}, None),
    ],
)
async def test_texts_are_embedded_for_what_request_or_configuration_say(
    config: dict[str, Any], asked: dict[str, Any], sent: str | None
) -> None:
    assert (await embedded(config, **asked)).get("input_type") == sent


RANK = RerankRequest.model_validate(
    {"model": "nvidia/llama-3.2-rerank", "query": "q", "documents": ["a", {"text": "b"}], "truncate": "END"}
)


async def test_rankings_are_asked_for_in_nemo_retrievers_words() -> None:
    async with (
        FakeUpstream.open(NVIDIA_WIRE) as upstream,
        open_alone(NVIDIA, {"base_url": upstream.url}) as provider,
    ):
        await provider.rerank(RANK, Call())
        request = upstream.received[-1].request
    assert request.path == "/v1/ranking"
    assert request.json == {
        "model": "nvidia/llama-3.2-rerank",
        "query": {"text": "q"},
        "passages": [{"text": "a"}, {"text": "b"}],
        "truncate": "END",
    }


async def test_rankings_elsewhere_have_the_models_name_in_the_path() -> None:
    async with (
        FakeUpstream.open(NVIDIA_WIRE) as upstream,
        open_alone(NVIDIA, {"base_url": "http://127.0.0.1:1", "ranking_url": upstream.url}) as provider,
    ):
        await provider.rerank(RANK, Call())
        assert upstream.received[-1].request.path == "/v1/nvidia/llama-3_2-rerank/reranking"


async def test_a_text_that_is_too_long_is_told_as_that() -> None:
    async with (
        FakeUpstream.open(NVIDIA_WIRE) as upstream,
        open_alone(NVIDIA, {"base_url": upstream.url}) as provider,
    ):
        upstream.says(Refused(status=400, message="Input length 600 exceeds maximum allowed token size 512"))
        with pytest.raises(ContextLengthExceeded):
            await provider.embed(EmbeddingRequest.model_validate({"model": "m", "input": "a"}), Call())
