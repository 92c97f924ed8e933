from __future__ import annotations

import pytest

from dinrail_openai.plugin import OPENAI, OpenAIConfig


def test_a_key_in_the_environment_is_enough() -> None:
    assert OPENAI.detect is not None
    found = OPENAI.detect({"OPENAI_API_KEY": "sk-1"})
    assert found is not None
    config = OpenAIConfig.model_validate(found)
    assert config.api_key is not None
    assert config.api_key.get_secret_value() == "sk-1"
    assert str(config.base_url) == "https://api.openai.com/v1"


@pytest.mark.parametrize("environment", [{}, {"OPENAI_API_KEY": ""}])
def test_without_a_key_there_is_no_instance(environment: dict[str, str]) -> None:
    assert OPENAI.detect is not None
    assert OPENAI.detect(environment) is None
