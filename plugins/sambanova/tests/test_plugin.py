from __future__ import annotations

import pytest

from dinrail_sambanova.plugin import SAMBANOVA, SambaNovaConfig


def test_a_key_in_the_environment_is_enough() -> None:
    assert SAMBANOVA.detect is not None
    found = SAMBANOVA.detect({"SAMBANOVA_API_KEY": "sk-1"})
    assert found is not None
    config = SambaNovaConfig.model_validate(found)
    assert config.api_key is not None
    assert config.api_key.get_secret_value() == "sk-1"
    assert str(config.base_url) == "https://api.sambanova.ai/v1"


@pytest.mark.parametrize("environment", [{}, {"SAMBANOVA_API_KEY": ""}])
def test_without_a_key_there_is_no_instance(environment: dict[str, str]) -> None:
    assert SAMBANOVA.detect is not None
    assert SAMBANOVA.detect(environment) is None
