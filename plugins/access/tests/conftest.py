"""An issuer of tokens for every test that wants one."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from dinrail_sdk.testing.databases import PostgreSQL, database_config, own_postgresql, postgresql

sys.path.insert(0, str(Path(__file__).parent))

from guarded import House
from issuer import AUDIENCE, Issuer

from dinrail_access.config import IssuerConfig
from dinrail_access.jwks import IssuerKeys
from dinrail_access.tokens import TokenReader

__all__ = ["PostgreSQL", "database_config", "own_postgresql", "postgresql"]


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with Issuer.open() as one:
        one.add_key("k1")
        yield one


MakeReader = Callable[..., Awaitable[TokenReader]]


@pytest.fixture
async def reader_of(issuer: Issuer) -> AsyncIterator[MakeReader]:
    """Makes readers of the issuer's tokens, with whatever the operator configures."""
    async with AsyncExitStack() as stack:

        async def make(**config: Any) -> TokenReader:
            settings = {"issuer": issuer.url, "audience": [AUDIENCE], **config}
            session = await stack.enter_async_context(IssuerKeys.session())
            reader = TokenReader([IssuerConfig.model_validate(settings)], session)
            stack.push_async_callback(reader.close)
            return reader

        yield make


@pytest.fixture
async def house(tmp_path: Path, database_config: dict[str, Any]) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        yield House(tmp_path / "data", database_config, stack)
