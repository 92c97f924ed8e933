from __future__ import annotations

import pytest

from dinrail_openrouter.plugin import OPENROUTER, OpenRouterConfig


def test_a_key_in_the_environment_is_enough() -> None:
    assert OPENROUTER.detect is not None
    found = OPENROUTER.detect({"OPENROUTER_API_KEY": "sk-1"})
    assert found is not None
    config = OpenRouterConfig.model_validate(found)
    assert config.api_key is not None
    assert config.api_key.get_secret_value() == "sk-1"
    assert str(config.base_url) == "https://openrouter.ai/api/v1"


@pytest.mark.parametrize("environment", [{}, {"OPENROUTER_API_KEY": ""}])
def test_without_a_key_there_is_no_instance(environment: dict[str, str]) -> None:
    assert OPENROUTER.detect is not None
    assert OPENROUTER.detect(environment) is None
