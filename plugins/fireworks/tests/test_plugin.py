from __future__ import annotations

import pytest

from dinrail_fireworks.plugin import FIREWORKS, FireworksConfig


def test_a_key_in_the_environment_is_enough() -> None:
    assert FIREWORKS.detect is not None
    found = FIREWORKS.detect({"FIREWORKS_API_KEY": "sk-1"})
    assert found is not None
    config = FireworksConfig.model_validate(found)
    assert config.api_key is not None
    assert config.api_key.get_secret_value() == "sk-1"
    assert str(config.base_url) == "https://api.fireworks.ai/inference/v1"


@pytest.mark.parametrize("environment", [{}, {"FIREWORKS_API_KEY": ""}])
def test_without_a_key_there_is_no_instance(environment: dict[str, str]) -> None:
    assert FIREWORKS.detect is not None
    assert FIREWORKS.detect(environment) is None
