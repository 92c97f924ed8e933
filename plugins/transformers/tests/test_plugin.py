from __future__ import annotations

from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from dinrail_core.errors import ConfigurationError
from dinrail_transformers.loading import told_context
from dinrail_transformers.plugin import ModelConfig, TransformersConfig
from dinrail_transformers.provider import Transformers


def config(**model: Any) -> TransformersConfig:
    return TransformersConfig.model_validate({"models": {"m": model}})


def test_a_source_alone_is_a_model() -> None:
    models = TransformersConfig.model_validate({"models": {"a": "acme/a", "b": "~/b"}}).models
    assert models["a"] == ModelConfig(source="acme/a")
    assert models["a"].folder is None
    assert models["b"].folder == Path.home() / "b"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({}, "source"),
        ({"source": ""}, "source"),
        ({"source": "a", "device": "gpu"}, "device"),
        ({"source": "a", "dtype": "int4"}, "dtype"),
        ({"source": "a", "trust_remote_code": True}, "trust_remote_code"),
        ({"source": "a", "pooling": "cls"}, "embedding = true"),
        ({"source": "a", "embedding": True, "max_tokens": 5}, "for chats"),
        ({"source": "/a", "revision": "main"}, "the source is a folder"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        config(**wrong)


def test_there_is_no_instance_without_a_model() -> None:
    with pytest.raises(ValidationError, match="models"):
        TransformersConfig.model_validate({"models": {}})


async def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "torch" else ModuleSpec(name, None)

    monkeypatch.setattr("dinrail_transformers.provider.find_spec", find)
    with pytest.raises(ConfigurationError, match="torch is not installed") as caught:
        async with Transformers.opened(config(source="acme/a"), "gpu0"):
            pass
    assert caught.value.key == "providers.gpu0"


async def test_a_folder_without_a_model_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dinrail_transformers.provider.find_spec", lambda name: ModuleSpec(name, None))
    with pytest.raises(ConfigurationError, match="no config") as caught:
        async with Transformers.opened(config(source=str(tmp_path)), "gpu0"):
            pass
    assert caught.value.key == "providers.gpu0.models.m.source"


@pytest.mark.parametrize(
    ("settings", "context"),
    [
        ({"max_position_embeddings": 4096}, 4096),
        ({"n_positions": 1024}, 1024),
        ({"text_config": {"max_position_embeddings": 8192}}, 8192),
        ({"max_position_embeddings": "many"}, None),
        ({}, None),
    ],
)
def test_the_context_is_read_as_architectures_tell_it(settings: dict[str, Any], context: int | None) -> None:
    assert told_context(settings) == context
