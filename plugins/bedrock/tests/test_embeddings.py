from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dinrail_bedrock.embeddings import bodies_for
from dinrail_bedrock.plugin import BEDROCK
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest
from dinrail_core.errors import (
    ContextLengthExceeded,
    DinrailError,
    InvalidRequest,
    ModelNotFound,
    RateLimited,
    UnsupportedFeature,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamRefused,
)
from dinrail_sdk.testing import Delivery, FakeUpstream, Refused, open_alone
from dinrail_sdk.testing.dialects.bedrock import BEDROCK_WIRE
from dinrail_sdk.testing.operations import EMBED
from dinrail_sdk.testing.script import vector_of

TITAN = "amazon.titan-embed-text-v2:0"
COHERE = "cohere.embed-english-v3"


@asynccontextmanager
async def opened(**more: Any) -> AsyncIterator[tuple[Any, FakeUpstream]]:
    async with FakeUpstream.open(BEDROCK_WIRE) as upstream:
        at = {"region": "us-east-1", "base_url": upstream.url, "control_url": upstream.url}
        config = {**at, "api_key": "ABSK-1", "max_retries": 0, **more}
        async with open_alone(BEDROCK, config) as provider:
            yield provider, upstream


def request(model: str, texts: Any, **more: Any) -> EmbeddingRequest:
    return EmbeddingRequest.model_validate({"model": model, "input": texts, **more})


async def asked(provider: Any, model: str, texts: Any, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((await provider.embed(request(model, texts, **more), Call())).body)
    return found


@pytest.mark.parametrize(
    ("model", "known"),
    [
        (TITAN, True),
        ("amazon.titan-embed-text-v1", True),
        ("amazon.titan-embed-g1-text-02", True),
        ("amazon.titan-embed-image-v1", False),
        (COHERE, True),
        ("us.cohere.embed-v4:0", True),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/us.cohere.embed-v4:0", True),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", False),
        ("cohere.command-r-v1:0", False),
    ],
)
def test_the_name_says_how_a_model_is_asked(model: str, known: bool) -> None:
    assert (bodies_for(model) is not None) == known


async def test_titan_is_asked_for_each_text_and_its_tokens_are_added_up() -> None:
    async with opened() as (provider, upstream):
        texts = ["  two\nlines \n", "é and e\u0301", "🌍"]
        data = await asked(provider, TITAN, texts, dimensions=4)
        assert EMBED.said([data]) == {place: vector_of(text, 4) for place, text in enumerate(texts)}
        assert [item["index"] for item in data["data"]] == [0, 1, 2]
        each = [received.asked for received in upstream.received if received.asked]
        assert sorted(one.inputs for one in each) == sorted((text,) for text in texts)
        assert {(one.model, one.dimensions) for one in each} == {(TITAN, 4)}
        one = (await asked(provider, TITAN, "alone"))["usage"]
        assert data["usage"] == {name: 3 * count for name, count in one.items()}
        assert one["total_tokens"] > 0
        packed = await asked(provider, TITAN, texts, dimensions=4, encoding_format="base64")
        assert isinstance(packed["data"][0]["embedding"], str)
        assert EMBED.said([packed]) == EMBED.said([data])


async def test_many_texts_keep_their_order() -> None:
    async with opened() as (provider, upstream):
        texts = [f"text {number}" for number in range(200)]
        for model, requests in ((TITAN, 200), (COHERE, 3)):
            before = len(upstream.received)
            data = await asked(provider, model, texts)
            assert EMBED.said([data]) == {place: vector_of(text) for place, text in enumerate(texts)}
            assert len(upstream.received) - before == requests


async def test_settings_of_the_models_own_go_through() -> None:
    async with opened(input_type="search_query") as (provider, upstream):
        await asked(provider, TITAN, "a", normalize=False)
        assert json.loads(upstream.received[-1].request.body) == {"inputText": "a", "normalize": False}
        await asked(provider, COHERE, "a", truncate="END")
        sent = json.loads(upstream.received[-1].request.body)
        assert sent == {
            "texts": ["a"],
            "input_type": "search_query",
            "embedding_types": ["float"],
            "truncate": "END",
        }
        await asked(provider, COHERE, "a", dimensions=256, input_type="clustering")
        sent = json.loads(upstream.received[-1].request.body)
        assert (sent["input_type"], sent["output_dimension"]) == ("clustering", 256)


@pytest.mark.parametrize(
    ("model", "texts", "param"), [(TITAN, [1, 2], "input"), (COHERE, [[1]], "input"), ("meta.llama3", "a", "model")]
)
async def test_what_cannot_be_embedded_is_refused(model: str, texts: Any, param: str) -> None:
    async with opened() as (provider, upstream):
        with pytest.raises(UnsupportedFeature) as caught:
            await asked(provider, model, texts)
        assert caught.value.param == param
        assert upstream.received == []


@pytest.mark.parametrize(
    ("refused", "kind"),
    [
        (Refused(status=400, message="Malformed input request"), InvalidRequest),
        (
            Refused(status=400, message="Too many input tokens. Max input tokens: 8192"),
            ContextLengthExceeded,
        ),
        (Refused(status=404, code="model_not_found"), ModelNotFound),
        (Refused(status=403), UpstreamRefused),
        (Refused(status=429, retry_after=41), RateLimited),
        (Refused(status=500), UpstreamFailed),
    ],
)
async def test_one_text_that_is_refused_is_a_refusal_of_all(refused: Refused, kind: type[DinrailError]) -> None:
    async with opened() as (provider, upstream):
        upstream.says(refused)
        with pytest.raises(kind) as caught:
            await asked(provider, TITAN, ["a", "b"])
        assert type(caught.value) is kind
        if isinstance(caught.value, RateLimited):
            assert caught.value.retry_after == pytest.approx(41, abs=2)


@pytest.mark.parametrize("said", ['{"embedding": "none"}', "{}", '{"embedding": ["a"]}'])
async def test_an_answer_that_is_none_is_invalid(said: str) -> None:
    async with opened() as (provider, upstream):
        upstream.says(delivery=Delivery(body=said.encode(), content_type="application/json"))
        with pytest.raises(UpstreamInvalid):
            await asked(provider, TITAN, "a", encoding_format="base64")


async def test_models_that_embed_are_listed_as_such() -> None:
    def summary(name: str, *kinds: str) -> dict[str, Any]:
        return {"modelId": name, "outputModalities": list(kinds), "inferenceTypesSupported": ["ON_DEMAND"]}

    def profile(name: str, model: str, kind: str = "SYSTEM_DEFINED") -> dict[str, Any]:
        arn = f"arn:aws:bedrock:us-east-1:1:inference-profile/{name}"
        behind = [{"modelArn": f"arn:aws:bedrock:eu-west-1::foundation-model/{model}"}]
        return {"inferenceProfileId": name, "inferenceProfileArn": arn, "models": behind, "type": kind}

    listed = [
        summary("a", "TEXT"),
        summary(TITAN, "EMBEDDING"),
        summary("amazon.titan-embed-image-v1", "EMBEDDING"),
        summary("painter", "IMAGE"),
        summary("cohere.embed-v4:0", "EMBEDDING"),
    ]
    profiles = [
        profile("eu.cohere.embed-v4:0", "cohere.embed-v4:0"),
        profile("own", "cohere.embed-v4:0", "APPLICATION"),
        profile("eu.a", "a"),
    ]
    async with opened() as (provider, upstream):
        upstream.shelf["/foundation-models"] = json.dumps({"modelSummaries": listed}).encode()
        upstream.shelf["/inference-profiles"] = json.dumps({"inferenceProfileSummaries": profiles}).encode()
        found = {model.id: set(model.contracts) for model in await provider.models()}
    chats, embeds = {ChatModel}, {Embedder}
    assert found == {
        "a": chats,
        TITAN: embeds,
        "cohere.embed-v4:0": embeds,
        "eu.cohere.embed-v4:0": embeds,
        "eu.a": chats,
    }
