from __future__ import annotations

import json

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelInfo
from dinrail_databricks.plugin import DATABRICKS, DatabricksConfig
from dinrail_sdk.testing import FakeUpstream, open_alone
from dinrail_sdk.testing.dialects.databricks import DATABRICKS_WIRE

READY = {"ready": "READY", "config_update": "NOT_UPDATING"}
LISTED = {
    "endpoints": [
        {
            "id": "0a1b",
            "name": "llama",
            "creator": "a@example.org",
            "creation_timestamp": 1700000000500,
            "state": READY,
            "task": "llm/v1/chat",
        },
        {"name": "vectors", "state": READY, "task": "llm/v1/embeddings"},
        {"name": "asleep", "state": {"ready": "NOT_READY"}, "task": "llm/v1/chat"},
        {"name": "fraud-detection", "state": READY, "task": "custom"},
        {"name": "older", "state": READY},
    ]
}


@pytest.mark.parametrize("host", ["dbc-1.cloud.databricks.com", "https://dbc-1.cloud.databricks.com/"])
def test_a_workspace_is_found_by_host_and_token(host: str) -> None:
    assert DATABRICKS.detect is not None
    assert DATABRICKS.detect({"DATABRICKS_HOST": host}) is None
    found = DATABRICKS.detect({"DATABRICKS_HOST": host, "DATABRICKS_TOKEN": "dapi"})
    assert found is not None
    config = DatabricksConfig.model_validate(found)
    assert str(config.base_url) == "https://dbc-1.cloud.databricks.com/serving-endpoints"


def test_an_address_with_a_path_is_taken_as_it_is() -> None:
    url = "https://gate.example/serving-endpoints"
    assert str(DatabricksConfig.model_validate({"base_url": url}).base_url) == url


async def test_ready_endpoints_are_listed_by_name_with_what_they_serve() -> None:
    async with FakeUpstream.open(DATABRICKS_WIRE) as upstream:
        upstream.shelf["/api/2.0/serving-endpoints"] = json.dumps(LISTED).encode()
        async with open_alone(DATABRICKS, {"base_url": upstream.origin, "api_key": "k"}) as provider:
            assert await provider.models() == [
                ModelInfo("llama", frozenset({ChatModel}), created=1700000000, owned_by="a@example.org"),
                ModelInfo("vectors", frozenset({Embedder})),
            ]


async def test_the_limit_goes_out_under_the_name_that_databricks_knows() -> None:
    asked = {"model": "m", "messages": [{"role": "user", "content": "Hi."}], "max_completion_tokens": 5}
    async with (
        FakeUpstream.open(DATABRICKS_WIRE) as upstream,
        open_alone(DATABRICKS, {"base_url": upstream.origin, "api_key": "k"}) as provider,
    ):
        await provider.complete(ChatRequest.model_validate(asked), Call())
        assert upstream.received[-1].request.json["max_tokens"] == 5
