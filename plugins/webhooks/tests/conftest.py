"""Webhooks over both databases."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from listener import PLUGINS, Listener
from openai import AsyncOpenAI

from dinrail_core.api.webhooks import Webhooks
from dinrail_core.hooks import Rail
from dinrail_sdk.testing import open_rail, serve
from dinrail_sdk.testing.databases import database_config, postgresql
from dinrail_webhooks import plugin

__all__ = ["database_config", "postgresql"]


@pytest.fixture
def config(database_config: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """A configuration under which endpoints may be on this machine."""
    return {"data_dir": str(tmp_path / "data"), "outbound": {"allow_private": ["127.0.0.1"]}, **database_config}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that fails is told again soon."""
    jobs = tuple(replace(kind, backoff=0.05) for kind in plugin.WEBHOOKS.jobs)
    monkeypatch.setattr(plugin, "WEBHOOKS", replace(plugin.WEBHOOKS, jobs=jobs))


@pytest.fixture
async def rail(config: dict[str, Any]) -> AsyncIterator[Rail]:
    """The services without a server."""
    async with open_rail(plugins=PLUGINS, config=config) as opened:
        yield opened


@pytest.fixture
async def webhooks(rail: Rail) -> Webhooks:
    """The service."""
    return await rail.service(Webhooks)


@pytest.fixture
async def client(config: dict[str, Any]) -> AsyncIterator[AsyncOpenAI]:
    """A client of a server."""
    async with serve(plugins=PLUGINS, config=config) as served, served.openai() as opened:
        yield opened


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What names stand for, beside those that there are."""
    known: dict[str, str] = {}
    real = socket.getaddrinfo

    def look_up(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:
        found = host if flags & socket.AI_NUMERICHOST else known.get(host, host)
        return real(found, port, family, type, proto, flags)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    """An endpoint."""
    async with Listener.open() as opened:
        yield opened
