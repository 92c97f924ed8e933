from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest
from dinrail_core.api.provider import ModelInfo
from dinrail_core.api.rerank import Reranker
from dinrail_core.errors import UpstreamInvalid, UpstreamRefused
from dinrail_sdk.testing import FakeUpstream, ListedModel, Listing, Refused, open_alone
from dinrail_sdk.testing.dialects.watsonx import WATSONX_WIRE
from dinrail_watsonx.plugin import WATSONX, WatsonxConfig

SPECS = "/ml/v1/foundation_model_specs"
DALLAS = "https://us-south.ml.cloud.ibm.com/"


@pytest.mark.parametrize(
    ("environment", "key", "url", "where"),
    [
        ({"WATSONX_APIKEY": "a", "WATSONX_PROJECT_ID": "p"}, "a", DALLAS, ("p", None)),
        (
            {"WATSONX_API_KEY": "b", "WATSONX_SPACE_ID": "s", "WATSONX_URL": "http://x:1"},
            "b",
            "http://x:1/",
            (None, "s"),
        ),
        ({"WATSONX_APIKEY": "a", "WATSONX_PROJECT_ID": "p", "WATSONX_SPACE_ID": "s"}, "a", DALLAS, ("p", None)),
    ],
)
def test_it_is_found_by_the_variables_of_ibms_clients(
    environment: dict[str, str], key: str, url: str, where: tuple[str | None, str | None]
) -> None:
    assert WATSONX.detect is not None
    config = WatsonxConfig.model_validate(WATSONX.detect(environment))
    assert config.api_key is not None
    assert (config.api_key.get_secret_value(), str(config.base_url)) == (key, url)
    assert (config.project_id, config.space_id) == where


@pytest.mark.parametrize(
    "environment",
    [{}, {"WATSONX_APIKEY": "a"}, {"WATSONX_PROJECT_ID": "p"}, {"WATSONX_APIKEY": "", "WATSONX_PROJECT_ID": "p"}],
)
def test_without_a_key_or_a_place_there_is_no_instance(environment: dict[str, str]) -> None:
    assert WATSONX.detect is not None
    assert WATSONX.detect(environment) is None


@pytest.mark.parametrize(
    "given", [{}, {"project_id": "p", "space_id": "s"}, {"project_id": ""}, {"project_id": "p", "version": "1&a=b"}]
)
def test_a_place_is_one_and_a_version_is_a_date(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WatsonxConfig.model_validate({"api_key": "a"} | given)


async def test_all_pages_of_the_list_are_read() -> None:
    names = [f"ibm/m{number}" for number in range(450)]
    async with FakeUpstream.open(WATSONX_WIRE) as upstream:
        upstream.says(Listing(models=tuple(ListedModel(id=name) for name in names)))
        async with open_alone(WATSONX, {"base_url": upstream.url, "project_id": "p"}) as provider:
            assert [model.id for model in await provider.models()] == names
        assert len(upstream.received) == 3


async def test_models_are_listed_with_what_is_told_of_them_and_other_kinds_left_out() -> None:
    entries = [
        {
            "model_id": "chat",
            "provider": "IBM",
            "functions": [{"id": "text_generation"}, {"id": "text_chat"}],
            "model_limits": {"max_sequence_length": 131072, "max_output_tokens": 8192},
        },
        {"model_id": "slate", "functions": [{"id": "embedding"}, {"id": "rerank"}, {"id": "similarity"}]},
        {"model_id": "ttm", "functions": [{"id": "time_series_forecast"}]},
        {"model_id": "untold"},
    ]
    async with FakeUpstream.open(WATSONX_WIRE) as upstream:
        upstream.shelf[SPECS] = json.dumps({"resources": entries}).encode()
        async with open_alone(WATSONX, {"base_url": upstream.url, "project_id": "p"}) as provider:
            assert await provider.models() == [
                ModelInfo("chat", frozenset({ChatModel}), owned_by="IBM", context_length=131072),
                ModelInfo("slate", frozenset({Embedder, Reranker})),
                ModelInfo("untold"),
            ]


@pytest.mark.parametrize(
    "listed",
    [
        "[]",
        '{"resources": [{}]}',
        '{"resources": [], "next": 7}',
        '{"resources": [], "next": {"href": "https://x"}}',
        '{"resources": [], "next": {"href": "https://x?start=0"}}',
    ],
)
async def test_a_list_that_is_none_or_has_no_end_is_said_to_be_invalid(listed: str) -> None:
    async with FakeUpstream.open(WATSONX_WIRE) as upstream:
        upstream.shelf[SPECS] = listed.encode()
        async with open_alone(WATSONX, {"base_url": upstream.url, "project_id": "p"}) as provider:
            with pytest.raises(UpstreamInvalid):
                await provider.models()


async def test_more_texts_than_fit_into_a_request_are_embedded_in_parts() -> None:
    texts = [f"text {number}" for number in range(2040)]
    async with (
        FakeUpstream.open(WATSONX_WIRE) as upstream,
        open_alone(WATSONX, {"base_url": upstream.url, "project_id": "p"}) as provider,
    ):
        answer = await provider.embed(EmbeddingRequest.model_validate({"model": "m", "input": texts}), Call())
        assert sorted(len(received.request.json["inputs"]) for received in upstream.received) == [40, 1000, 1000]
    assert [one.index for one in answer.value.data] == list(range(2040))


async def test_a_quota_that_is_used_up_is_told_as_such() -> None:
    async with (
        FakeUpstream.open(WATSONX_WIRE) as upstream,
        open_alone(WATSONX, {"base_url": upstream.url, "project_id": "p"}) as provider,
    ):
        upstream.says(Refused(status=403, code="token_quota_reached", message="The quota is used up."))
        with pytest.raises(UpstreamRefused, match="no credit"):
            await provider.embed(EmbeddingRequest.model_validate({"model": "m", "input": "a"}), Call())
