"""The same responses through every provider of chats: one server, with an instance of each before its own upstream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from agent_loop import CASES, Talk
from openai import AsyncOpenAI
from pydantic import BaseModel
from tools.reference.suites import suites_of

from dinrail_core.api.responses.contract import NativeResponses
from dinrail_core.hooks import ProviderType
from dinrail_sdk.testing import ChatModelSuite, FakeUpstream, serve
from dinrail_sdk.testing.suite import Case

pytestmark = pytest.mark.xdist_group("agent-loop")

NATIVELY = "-natively"
SUITES = {
    suite.__name__.removeprefix("Test"): suite
    for suite in suites_of(Path(__file__).parents[2], ChatModelSuite)
    if suite.dialect is not None
}
"""By the names of the plugins' test classes, each of which says how its provider is opened."""
SUITES |= {f"{name}{NATIVELY}": suite for name, suite in SUITES.items() if NativeResponses in suite.provider.optional}


class _Nothing(BaseModel, extra="forbid"):
    """The configuration is the test class's to say."""


@dataclass(frozen=True)
class Rail:
    """A server with every provider.

    Attributes:
        client: Of the server.
        upstreams: By the names of the instances.
    """

    client: AsyncOpenAI
    upstreams: dict[str, FakeUpstream]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rail() -> AsyncIterator[Rail]:
    async with AsyncExitStack() as stack:
        types, upstreams = [], {}
        for name, suite in SUITES.items():
            assert suite.dialect is not None
            upstreams[name] = await stack.enter_async_context(FakeUpstream.open(suite.dialect, suite.model))
            types.append(_type(name, suite, upstreams[name]))
        config = {"providers": {name: {"type": name} for name in SUITES}}
        served = await stack.enter_async_context(serve(*types, plugins=["database", "responses"], config=config))
        yield Rail(await stack.enter_async_context(served.openai()), upstreams)


def _type(name: str, suite: type[ChatModelSuite], upstream: FakeUpstream) -> ProviderType:
    """The provider's record, opened as its test class says."""
    record, config = suite.provider, suite().config(upstream)
    if name.endswith(NATIVELY):
        config = type(config).model_validate({**config.model_dump(), record.optional[NativeResponses]: "whole"})
    opened = partial(record.open, config)
    return replace(
        record,
        name=name,
        config=_Nothing,
        apis=record.apis_of(config),
        optional={},
        detect=None,
        open=lambda _, context: opened(context),
    )


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("this", CASES, ids=lambda this: this.name)
@pytest.mark.parametrize("name", SUITES)
async def test_a_response_is_made(name: str, this: Case, rail: Rail) -> None:
    suite = SUITES[name]
    if reason := suite.skipped(this):
        pytest.skip(f"{suite.provider.name}, {reason}")
    await this.body(Talk(rail.client, f"{name}/{suite.model}", rail.upstreams[name]))


def test_every_provider_of_chats_is_there() -> None:
    assert len({suite.provider.name for suite in SUITES.values()}) >= 22
