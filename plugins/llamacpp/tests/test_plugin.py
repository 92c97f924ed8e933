from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from typing import Any

import pytest
from pydantic import ValidationError

from dinrail_llamacpp.plugin import LLAMACPP, LlamaCppConfig, dinrail_providers


def test_the_entry_point_leads_to_the_plugin() -> None:
    (found,) = entry_points(group="dinrail", name="llamacpp")
    assert list(found.load().dinrail_providers()) == list(dinrail_providers()) == [LLAMACPP]


def test_an_instance_is_there_without_configuration() -> None:
    assert LLAMACPP.detect is not None
    assert LlamaCppConfig.model_validate(LLAMACPP.detect({})) == LlamaCppConfig()


def test_a_path_alone_is_a_model() -> None:
    config = LlamaCppConfig.model_validate({"models": {"qwen": "~/qwen.gguf"}})
    assert str(config.models["qwen"].path) == "~/qwen.gguf"


@pytest.mark.parametrize(
    "bad",
    [
        {"api_key": "sk"},
        {"url": "http://x.example", "models": {"a": "a.gguf"}},
        {"url": "http://u:p@x.example"},
        {"models": {"a/b": "a.gguf"}},
        {"models": {".a": "a.gguf"}},
        {"models": {"a": {"context": 1}}},
        {"models": {"a": {"file": "a.gguf"}}},
        {"max_loaded": 0},
        {"unknown": 1},
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LlamaCppConfig.model_validate(bad)


def test_declaring_the_plugin_loads_no_engine() -> None:
    code = (
        "import sys, dinrail_llamacpp.plugin; "
        "print(*{'xllamacpp', 'httptools', 'orjson', 'asyncio.subprocess', 'urllib.request'} & {*sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
