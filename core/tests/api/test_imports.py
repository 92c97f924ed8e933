from __future__ import annotations

import subprocess
import sys

import pytest

MODULES = [
    "answers",
    "call",
    "chat",
    "chat.content",
    "chat.contract",
    "chat.messages",
    "chat.request",
    "chat.response",
    "chat.tools",
    "chunking",
    "completions",
    "conversations",
    "embeddings",
    "error_body",
    "items.later",
    "models",
    "moderations",
    "open_enum",
    "provider",
    "providers",
    "rerank",
    "sampling",
    "text_forms",
    "usage",
    "vector_stores",
    "wire",
]


def loaded_after(statement: str) -> set[str]:
    script = f"{statement}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return set(run.stdout.split())


@pytest.mark.parametrize("module", MODULES)
def test_each_module_can_be_imported_alone(module: str) -> None:
    assert f"dinrail_core.api.{module}" in loaded_after(f"import dinrail_core.api.{module}")


def test_importing_all_of_them_loads_nothing_that_only_schemas_or_plugins_need() -> None:
    loaded = loaded_after("\n".join(f"import dinrail_core.api.{module}" for module in MODULES))

    unwanted = {"pydantic.json_schema", "dinrail_core.api.wire_schema", "pluggy", "asyncio", "inspect", "ast"}
    pydantics = loaded_after("from pydantic import BaseModel, SecretStr")
    assert not (loaded & unwanted) - pydantics


def test_no_model_is_built_before_it_is_used() -> None:
    script = """
from dinrail_core.api.chat import *
from dinrail_core.api.wire import Wire
def below(cls):
    for sub in cls.__subclasses__():
        yield sub
        yield from below(sub)
built = [cls.__name__ for cls in below(Wire) if cls.__pydantic_complete__]
assert not built, built
"""
    loaded_after(script)
