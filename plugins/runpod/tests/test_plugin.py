from __future__ import annotations

import pytest

from dinrail_core.api.provider import ModelInfo
from dinrail_runpod.plugin import RUNPOD, RunpodConfig
from dinrail_sdk.testing import OPENAI, FakeUpstream, open_alone

URL = "https://api.runpod.ai/v2/abc123/openai/v1"


@pytest.mark.parametrize("address", [{"RUNPOD_ENDPOINT_ID": "abc123"}, {"RUNPOD_BASE_URL": URL}, {"RUNPOD_URL": URL}])
def test_an_endpoint_is_found_by_its_id_or_address_and_a_key(address: dict[str, str]) -> None:
    assert RUNPOD.detect is not None
    assert RUNPOD.detect(address) is None
    assert RUNPOD.detect({"RUNPOD_API_KEY": "k"}) is None
    found = RUNPOD.detect({"RUNPOD_API_KEY": "k", **address})
    assert found is not None
    assert str(RunpodConfig.model_validate(found).base_url) == URL


async def test_named_models_are_listed_without_waking_a_worker() -> None:
    async with FakeUpstream.open(OPENAI) as upstream:
        config = {"base_url": upstream.url, "api_key": "k", "models": ["a", "org/b"]}
        async with open_alone(RUNPOD, config) as provider:
            assert await provider.models() == [ModelInfo("a"), ModelInfo("org/b")]
        assert upstream.received == []
