from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import entry_points
from typing import Any, cast

import pytest
from pydantic import ValidationError

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelInfo, ModelSource
from dinrail_core.api.responses.contract import NativeResponses
from dinrail_core.errors import UpstreamUnavailable
from dinrail_core.hooks import Context
from dinrail_openai_compatible.plugin import OPENAI_COMPATIBLE, OpenAICompatibleConfig, dinrail_providers
from dinrail_sdk.testing import OPENAI, FakeUpstream

NOWHERE = "http://127.0.0.1:1/v1"


@asynccontextmanager
async def opened(config: Mapping[str, Any]) -> AsyncIterator[ModelSource]:
    """A provider as the host would open it; it needs nothing of its context."""
    checked = OpenAICompatibleConfig.model_validate(config)
    async with OPENAI_COMPATIBLE.open(checked, cast("Context", None)) as provider:
        assert isinstance(provider, ModelSource)
        yield provider


def test_the_entry_point_leads_to_the_plugin() -> None:
    (found,) = entry_points(group="dinrail", name="openai-compatible")
    assert list(found.load().dinrail_providers()) == list(dinrail_providers()) == [OPENAI_COMPATIBLE]


async def test_models_are_the_servers_own() -> None:
    async with FakeUpstream.open(OPENAI) as upstream, opened({"base_url": upstream.url}) as provider:
        assert [model.id for model in await provider.models()] == [upstream.model]


async def test_named_models_are_listed_without_asking() -> None:
    async with opened({"base_url": NOWHERE, "models": ["a", "org/b"]}) as provider:
        assert await provider.models() == [ModelInfo("a"), ModelInfo("org/b")]


async def test_narrowed_models_serve_what_the_configuration_says() -> None:
    async with opened({"base_url": NOWHERE, "models": ["a"], "apis": ["chat", "embeddings"]}) as provider:
        assert await provider.models() == [ModelInfo("a", contracts=frozenset({ChatModel, Embedder}))]


async def test_responses_are_served_beside_what_is_narrowed() -> None:
    keys = {"base_url": NOWHERE, "models": ["a"], "apis": ["chat"], "responses": "plain"}
    async with opened(keys) as provider:
        assert await provider.models() == [ModelInfo("a", contracts=frozenset({ChatModel, NativeResponses}))]
        assert isinstance(provider, NativeResponses)
        assert provider.plain


async def test_the_servers_own_models_are_narrowed_too() -> None:
    async with FakeUpstream.open(OPENAI) as upstream, opened({"base_url": upstream.url, "apis": ["chat"]}) as provider:
        assert [model.contracts for model in await provider.models()] == [frozenset({ChatModel})]


async def test_opening_waits_for_no_upstream() -> None:
    async with opened({"base_url": NOWHERE, "max_retries": 0}) as provider:
        with pytest.raises(UpstreamUnavailable):
            await provider.models()


@pytest.mark.parametrize(
    "bad",
    [{}, {"base_url": NOWHERE, "models": []}, {"base_url": NOWHERE, "apis": []}, {"base_url": NOWHERE, "apis": ["x"]}],
)
def test_a_configuration_that_serves_nothing_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        OpenAICompatibleConfig.model_validate(bad)


def test_nothing_is_detected() -> None:
    assert OPENAI_COMPATIBLE.detect is None


def test_the_plugin_loads_no_engine() -> None:
    code = "import sys, dinrail_openai_compatible.plugin; print(*{'aiohttp', 'httptools', 'asyncio'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == []
