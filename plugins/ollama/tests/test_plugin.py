from __future__ import annotations

from typing import Any

import pytest

from dinrail_ollama.plugin import OLLAMA, OllamaConfig


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"OLLAMA_HOST": "gpu0"}, "http://gpu0:11434/"),
        ({"OLLAMA_HOST": "gpu0:8080"}, "http://gpu0:8080/"),
        ({"OLLAMA_HOST": ":8080"}, "http://127.0.0.1:8080/"),
        ({"OLLAMA_HOST": "0.0.0.0"}, "http://127.0.0.1:11434/"),
        ({"OLLAMA_HOST": "0.0.0.0:8080"}, "http://127.0.0.1:8080/"),
        ({"OLLAMA_HOST": "[::]:8080"}, "http://127.0.0.1:8080/"),
        ({"OLLAMA_HOST": "[::1]"}, "http://[::1]:11434/"),
        ({"OLLAMA_HOST": "http://gpu0"}, "http://gpu0/"),
        ({"OLLAMA_HOST": "https://ollama.example/sub"}, "https://ollama.example/sub"),
        ({"OLLAMA_HOST": " http://gpu0:1/v1/ "}, "http://gpu0:1/"),
        ({"OLLAMA_API_KEY": "k"}, "https://ollama.com/"),
        ({"OLLAMA_API_KEY": "k", "OLLAMA_HOST": "gpu0"}, "http://gpu0:11434/"),
    ],
)
def test_a_server_is_found_as_ollamas_own_programs_find_it(environment: dict[str, str], url: str) -> None:
    assert OLLAMA.detect is not None
    config = OllamaConfig.model_validate(OLLAMA.detect(environment))
    assert str(config.base_url) == url
    key = config.api_key.get_secret_value() if config.api_key else None
    assert key == environment.get("OLLAMA_API_KEY")


@pytest.mark.parametrize("environment", [{}, {"OLLAMA_HOST": ""}, {"OLLAMA_API_KEY": ""}])
def test_without_a_variable_there_is_no_instance(environment: dict[str, Any]) -> None:
    assert OLLAMA.detect is not None
    assert OLLAMA.detect(environment) is None
