from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from dinrail_core.hooks import Context
from dinrail_llamacpp.catalogue import DEFAULT_MODEL
from dinrail_llamacpp.child import ChildSettings
from dinrail_llamacpp.found import LocalModel, find_models
from dinrail_llamacpp.plugin import LlamaCppConfig, ModelConfig
from dinrail_llamacpp.provider import Here, open_provider
from dinrail_llamacpp.running import Address, settings_for
from dinrail_sdk.testing.bench import EmptyRail

ONE_THREAD = {"threads": 1, "context": 2048}
"""What a model is told in tests: the machine has other things to do."""


def context(folder: Path) -> Context:
    return Context(name="llamacpp", data_dir=folder, rail=EmptyRail())


@pytest.fixture(scope="session")
def smollm2() -> LocalModel:
    """The default model, out of its installed package."""
    settings = {DEFAULT_MODEL: ModelConfig.model_validate(ONE_THREAD)}
    found = find_models(settings, Path("/nonexistent")).get(DEFAULT_MODEL)
    assert found is not None, "The package of the default model is not installed; `make test-install` does it."
    return found


def start_child(settings: ChildSettings) -> tuple[subprocess.Popen[bytes], Address]:
    """A child without a provider around it."""
    child = subprocess.Popen(
        [sys.executable, "-m", "dinrail_llamacpp.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(replace(settings, parent=os.getpid()).encode())
    child.stdin.flush()
    line = child.stdout.readline()
    assert line, "The child ended before it answered."
    return child, Address(json.loads(line)["address"], settings.api_key)


@pytest.fixture(scope="session")
def server(smollm2: LocalModel) -> Iterator[Address]:
    """A real llama.cpp server with the default model, as somebody else would run it."""
    child, address = start_child(settings_for(smollm2))
    yield address
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.close()
    child.wait(5)
    child.stdout.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Here]:
    """A provider whose models run on this machine; the default one is loaded when it is first asked."""
    config = LlamaCppConfig.model_validate({"models": {DEFAULT_MODEL: ONE_THREAD}})
    async with open_provider(config, context(tmp_path_factory.mktemp("llamacpp") / "data")) as provider:
        assert isinstance(provider, Here)
        yield provider
