from __future__ import annotations

import pytest

from dinrail_deepseek.plugin import DEEPSEEK, DeepSeekConfig


def test_a_key_in_the_environment_is_enough() -> None:
    assert DEEPSEEK.detect is not None
    found = DEEPSEEK.detect({"DEEPSEEK_API_KEY": "sk-1"})
    assert found is not None
    config = DeepSeekConfig.model_validate(found)
    assert config.api_key is not None
    assert config.api_key.get_secret_value() == "sk-1"
    assert str(config.base_url) == "https://api.deepseek.com/"


@pytest.mark.parametrize("environment", [{}, {"DEEPSEEK_API_KEY": ""}])
def test_without_a_key_there_is_no_instance(environment: dict[str, str]) -> None:
    assert DEEPSEEK.detect is not None
    assert DEEPSEEK.detect(environment) is None
