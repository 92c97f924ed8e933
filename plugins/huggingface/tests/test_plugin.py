from __future__ import annotations

import pytest

from dinrail_huggingface.plugin import HUGGINGFACE, HuggingFaceConfig


def test_a_key_in_the_environment_is_enough() -> None:
    assert HUGGINGFACE.detect is not None
    found = HUGGINGFACE.detect({"HF_TOKEN": "sk-1"})
    assert found is not None
    config = HuggingFaceConfig.model_validate(found)
    assert config.api_key is not None
    assert config.api_key.get_secret_value() == "sk-1"
    assert str(config.base_url) == "https://router.huggingface.co/v1"


@pytest.mark.parametrize("environment", [{}, {"HF_TOKEN": ""}])
def test_without_a_key_there_is_no_instance(environment: dict[str, str]) -> None:
    assert HUGGINGFACE.detect is not None
    assert HUGGINGFACE.detect(environment) is None
