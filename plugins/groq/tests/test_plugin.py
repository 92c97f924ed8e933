from __future__ import annotations

import pytest

from dinrail_groq.plugin import GROQ, GroqConfig


def test_a_key_in_the_environment_is_enough() -> None:
    assert GROQ.detect is not None
    found = GROQ.detect({"GROQ_API_KEY": "sk-1"})
    assert found is not None
    config = GroqConfig.model_validate(found)
    assert config.api_key is not None
    assert config.api_key.get_secret_value() == "sk-1"
    assert str(config.base_url) == "https://api.groq.com/openai/v1"


@pytest.mark.parametrize("environment", [{}, {"GROQ_API_KEY": ""}])
def test_without_a_key_there_is_no_instance(environment: dict[str, str]) -> None:
    assert GROQ.detect is not None
    assert GROQ.detect(environment) is None
