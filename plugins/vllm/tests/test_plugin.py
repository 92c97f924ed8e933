from __future__ import annotations

import pytest

from dinrail_vllm.plugin import VLLM, VllmConfig

URL = "http://10.0.0.5:8000/v1"


@pytest.mark.parametrize("variable", ["VLLM_BASE_URL", "VLLM_API_BASE", "VLLM_URL"])
def test_an_address_in_the_environment_is_enough(variable: str) -> None:
    assert VLLM.detect is not None
    found = VLLM.detect({variable: URL})
    assert found is not None
    config = VllmConfig.model_validate(found)
    assert str(config.base_url) == URL
    assert config.api_key is None


def test_a_key_is_found_beside_the_address() -> None:
    assert VLLM.detect is not None
    assert VLLM.detect({"VLLM_URL": URL, "VLLM_API_KEY": "k"}) == {"base_url": URL, "api_key": "k"}


def test_a_key_without_an_address_is_no_instance() -> None:
    assert VLLM.detect is not None
    assert VLLM.detect({"VLLM_API_KEY": "k"}) is None
