from __future__ import annotations

import pytest

from dinrail_together.plugin import TOGETHER, TogetherConfig


def test_a_key_in_the_environment_is_enough() -> None:
    assert TOGETHER.detect is not None
    found = TOGETHER.detect({"TOGETHER_API_KEY": "sk-1"})
    assert found is not None
    config = TogetherConfig.model_validate(found)
    assert config.api_key is not None
    assert config.api_key.get_secret_value() == "sk-1"
    assert str(config.base_url) == "https://api.together.ai/v1"


@pytest.mark.parametrize("environment", [{}, {"TOGETHER_API_KEY": ""}])
def test_without_a_key_there_is_no_instance(environment: dict[str, str]) -> None:
    assert TOGETHER.detect is not None
    assert TOGETHER.detect(environment) is None
