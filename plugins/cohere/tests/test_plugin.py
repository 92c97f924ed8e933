from __future__ import annotations

import json

import pytest

from dinrail_cohere.plugin import COHERE, CohereConfig
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest
from dinrail_core.api.provider import ModelInfo
from dinrail_core.api.rerank import Reranker, RerankRequest
from dinrail_core.errors import UnsupportedFeature, UpstreamInvalid
from dinrail_sdk.testing import FakeUpstream, ListedModel, Listing, open_alone
from dinrail_sdk.testing.dialects.cohere import COHERE_WIRE


@pytest.mark.parametrize(
    ("environment", "key", "url"),
    [
        ({"CO_API_KEY": "a"}, "a", "https://api.cohere.com/"),
        ({"COHERE_API_KEY": "b", "CO_API_URL": "http://x:1/v2"}, "b", "http://x:1/"),
    ],
)
def test_it_is_found_by_the_variables_of_coheres_client(environment: dict[str, str], key: str, url: str) -> None:
    assert COHERE.detect is not None
    config = CohereConfig.model_validate(COHERE.detect(environment))
    assert config.api_key is not None
    assert (config.api_key.get_secret_value(), str(config.base_url)) == (key, url)


@pytest.mark.parametrize("environment", [{}, {"CO_API_KEY": ""}, {"CO_API_URL": "http://x"}])
def test_without_a_key_there_is_no_instance(environment: dict[str, str]) -> None:
    assert COHERE.detect is not None
    assert COHERE.detect(environment) is None


async def test_all_pages_of_the_list_are_read_and_other_kinds_left_out() -> None:
    names = [f"m{number}" for number in range(2500)]
    async with (
        FakeUpstream.open(COHERE_WIRE) as upstream,
        open_alone(COHERE, {"base_url": upstream.url}) as provider,
    ):
        upstream.says(Listing(models=tuple(ListedModel(id=name) for name in names)))
        assert [model.id for model in await provider.models()] == names
        assert len(upstream.received) == 3
        entries = [
            {"name": "chat", "endpoints": ["chat", "generate"], "context_length": 9.0},
            {"name": "embed", "endpoints": ["embed"]},
            {"name": "rank", "endpoints": ["rerank"]},
            {"name": "sort", "endpoints": ["classify"]},
        ]
        upstream.shelf["/v1/models"] = json.dumps({"models": entries}).encode()
        assert await provider.models() == [
            ModelInfo("chat", frozenset({ChatModel}), context_length=9),
            ModelInfo("embed", frozenset({Embedder})),
            ModelInfo("rank", frozenset({Reranker})),
        ]


@pytest.mark.parametrize("listed", ["[]", '{"models": 1}', '{"models": [{}]}', '{"models": [], "next_page_token": 7}'])
async def test_a_list_that_is_none_is_said_to_be_invalid(listed: str) -> None:
    async with FakeUpstream.open(COHERE_WIRE) as upstream:
        upstream.shelf["/v1/models"] = listed.encode()
        async with open_alone(COHERE, {"base_url": upstream.url}) as provider:
            with pytest.raises(UpstreamInvalid):
                await provider.models()


async def test_texts_are_embedded_for_what_somebody_says() -> None:
    async with (
        FakeUpstream.open(COHERE_WIRE) as upstream,
        open_alone(COHERE, {"base_url": upstream.url, "input_type": "clustering"}) as provider,
    ):
        await provider.embed(EmbeddingRequest.model_validate({"model": "m", "input": "a"}), Call())
        asked = {"model": "m", "input": "a", "input_type": "search_query", "truncate": "END"}
        await provider.embed(EmbeddingRequest.model_validate(asked), Call())
        sent = [received.request.json for received in upstream.received]
    assert [(one["input_type"], one["truncate"]) for one in sent] == [("clustering", "NONE"), ("search_query", "END")]


async def test_vectors_of_another_kind_are_refused() -> None:
    async with (
        FakeUpstream.open(COHERE_WIRE) as upstream,
        open_alone(COHERE, {"base_url": upstream.url}) as provider,
    ):
        asked = {"model": "m", "input": "a", "embedding_types": ["int8"]}
        with pytest.raises(UnsupportedFeature) as caught:
            await provider.embed(EmbeddingRequest.model_validate(asked), Call())
    assert caught.value.param == "embedding_types"
    assert upstream.received == []


async def test_what_cohere_bills_for_a_ranking_is_handed_on() -> None:
    async with (
        FakeUpstream.open(COHERE_WIRE) as upstream,
        open_alone(COHERE, {"base_url": upstream.url}) as provider,
    ):
        asked = {"model": "m", "query": "q", "documents": ["a", "b"], "max_tokens_per_doc": 9, "priority": 1}
        answer = await provider.rerank(RerankRequest.model_validate(asked), Call())
        assert upstream.received[-1].request.json == asked
    assert answer.value.meta.billed_units.search_units == 1.0
