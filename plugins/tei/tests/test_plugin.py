from __future__ import annotations

import json

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest
from dinrail_core.api.provider import ModelInfo
from dinrail_core.api.rerank import Reranker, RerankRequest
from dinrail_core.errors import ContextLengthExceeded, RateLimited, UpstreamError, UpstreamFailed, UpstreamInvalid
from dinrail_sdk.testing import Delivery, FakeUpstream, Refused, Turn, open_alone
from dinrail_sdk.testing.delivery import garbage
from dinrail_sdk.testing.dialects.tei import TEI_WIRE
from dinrail_tei.plugin import TEI, TeiConfig

TOO_LONG = "Input validation error: `inputs` must have less than 512 tokens. Given: 600"
MANY = [f"text {number}" for number in range(100)]


@pytest.mark.parametrize("url", ["http://tei:8080", "http://tei:8080/", "http://tei:8080/v1", "http://tei:8080/v1/"])
def test_a_server_is_found_by_its_address(url: str) -> None:
    assert TEI.detect is not None
    assert TEI.detect({"TEI_API_KEY": "k"}) is None
    found = TEI.detect({"TEI_URL": url})
    assert found is not None
    assert str(TeiConfig.model_validate(found).base_url) == "http://tei:8080/"


@pytest.mark.parametrize(
    ("kind", "models"),
    [
        ("embedding", [ModelInfo("org/m", frozenset({Embedder}), context_length=512)]),
        ("reranker", [ModelInfo("org/m", frozenset({Reranker}), context_length=512)]),
        ("classifier", []),
    ],
)
async def test_the_model_is_listed_with_what_it_is_for(kind: str, models: list[ModelInfo]) -> None:
    info = {"model_id": "org/m", "model_type": {kind: {}}, "max_input_length": 512}
    async with FakeUpstream.open(TEI_WIRE) as upstream:
        upstream.shelf["/info"] = json.dumps(info).encode()
        async with open_alone(TEI, {"base_url": upstream.url}) as provider:
            assert await provider.models() == models


@pytest.mark.parametrize("info", ["[]", "{}", '{"model_id": 7}', '{"model_id": "m", "model_type": [1]}'])
async def test_a_server_that_is_none_of_these_is_said_to_be_invalid(info: str) -> None:
    async with FakeUpstream.open(TEI_WIRE) as upstream:
        upstream.shelf["/info"] = info.encode()
        async with open_alone(TEI, {"base_url": upstream.url}) as provider:
            with pytest.raises(UpstreamInvalid):
                await provider.models()


@pytest.mark.parametrize("status", [404, 429, 503])
async def test_a_server_that_fails_has_no_list(status: int) -> None:
    async with (
        FakeUpstream.open(TEI_WIRE) as upstream,
        open_alone(TEI, {"base_url": upstream.url, "max_retries": 0}) as provider,
    ):
        upstream.says(Refused(status=status))
        with pytest.raises((UpstreamError, RateLimited)):
            await provider.models()
        upstream.says(delivery=garbage())
        with pytest.raises(UpstreamInvalid):
            await provider.models()
        upstream.says()
        assert [model.id for model in await provider.models()] == [upstream.model]


async def test_more_texts_than_fit_are_sent_in_parts_and_their_tokens_added_up() -> None:
    async with (
        FakeUpstream.open(TEI_WIRE) as upstream,
        open_alone(TEI, {"base_url": upstream.url}) as provider,
    ):
        answer = await provider.embed(EmbeddingRequest.model_validate({"model": "m", "input": MANY}), Call())
        assert [item.index for item in answer.value.data] == list(range(100))
        assert answer.value.usage.prompt_tokens == 4 * 11
        assert sorted(len(received.request.json["input"]) for received in upstream.received) == [4, 32, 32, 32]


async def test_what_strikes_one_part_is_the_error_of_all() -> None:
    async with (
        FakeUpstream.open(TEI_WIRE) as upstream,
        open_alone(TEI, {"base_url": upstream.url}) as provider,
    ):
        upstream.then(Turn(), Turn(script=Refused(status=429, message="Model is overloaded")))
        with pytest.raises(RateLimited, match="overloaded"):
            await provider.embed(EmbeddingRequest.model_validate({"model": "m", "input": MANY}), Call())


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (
            413,
            {"error": "Input validation error: `inputs` must have less than 512 tokens. Given: 600"},
            ContextLengthExceeded,
        ),
        (424, {"error": "Inference error", "error_type": "Backend"}, UpstreamFailed),
    ],
)
async def test_teis_own_refusals_are_understood(status: int, error: object, kind: type[Exception]) -> None:
    request = RerankRequest.model_validate({"model": "m", "query": "q", "documents": ["a"]})
    async with (
        FakeUpstream.open(TEI_WIRE) as upstream,
        open_alone(TEI, {"base_url": upstream.url}) as provider,
    ):
        upstream.says(Refused(status=status), Delivery(body=json.dumps(error).encode()))
        with pytest.raises(kind):
            await provider.rerank(request, Call())


async def test_what_only_tei_knows_of_a_ranking_goes_through() -> None:
    asked = {"model": "m", "query": "q", "documents": ["a"], "raw_scores": True, "truncate": True}
    async with (
        FakeUpstream.open(TEI_WIRE) as upstream,
        open_alone(TEI, {"base_url": upstream.url}) as provider,
    ):
        await provider.rerank(RerankRequest.model_validate(asked), Call())
        sent = upstream.received[-1].request.json
    assert sent == {"query": "q", "texts": ["a"], "return_text": False, "raw_scores": True, "truncate": True}
