"""A data folder, servers over it, and clients with keys."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from dinrail_core.api.api_keys import ApiKeys, CreateApiKey, CreatedApiKey
from dinrail_core.api.call import Call
from dinrail_sdk.testing import OPENAI, FakeUpstream, Served, open_rail, serve

__all__ = ["HELLO", "PLUGINS", "House", "becomes", "client", "status"]

PLUGINS = (
    "access",
    "blobs",
    "conversations",
    "database",
    "files",
    "jobs",
    "openai-compatible",
    "prompts",
    "stored-completions",
)
HELLO: Any = [{"role": "user", "content": "Hello."}]


class House:
    """A data folder, and the servers that share it."""

    def __init__(self, folder: Path, database: dict[str, Any], stack: AsyncExitStack) -> None:
        self.folder = folder
        self.config: dict[str, Any] = {
            "data_dir": str(folder),
            "services": {**database.get("services", {}), "access": {}},
            "providers": {},
        }
        self._stack = stack

    @property
    def access(self) -> dict[str, Any]:
        """``[services.access]``."""
        config: dict[str, Any] = self.config["services"]["access"]
        return config

    async def upstream(self) -> FakeUpstream:
        """A provider ``gpu0`` with models."""
        fake = await self._stack.enter_async_context(FakeUpstream.open(OPENAI))
        self.config["providers"]["gpu0"] = {"type": "openai-compatible", "base_url": fake.url}
        return fake

    async def serve(self, **server: Any) -> Served:
        """Another server."""
        return await self._stack.enter_async_context(serve(config={**self.config, "server": server}, plugins=PLUGINS))

    async def key(self, tenant: str = "acme", user: str | None = None, **more: Any) -> CreatedApiKey:
        """Make a key as the command does, beside whatever runs."""
        async with open_rail(config=self.config, plugins=PLUGINS) as rail:
            keys = await rail.service(ApiKeys)
            return await keys.create(CreateApiKey(tenant=tenant, user=user, **more), Call())


@asynccontextmanager
async def client(served: Served, key: str | None) -> AsyncIterator[Callable[..., Awaitable[tuple[int, Any, Any]]]]:
    """Asks with a key: ``status, body, headers = await ask("GET", "/prompts")``."""
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(headers=headers) as http:

        async def ask(method: str, path: str, body: Any = None, **more: str) -> tuple[int, Any, Any]:
            async with http.request(method, served.url + path, json=body, headers=more) as answer:
                text = await answer.read()
                return answer.status, json.loads(text) if text else None, answer.headers

        yield ask


async def status(served: Served, key: str | None, method: str = "GET", path: str = "/prompts", body: Any = None) -> int:
    async with client(served, key) as ask:
        return (await ask(method, path, body))[0]


async def becomes(wanted: int, served: Served, key: str | None, within: float = 5.0) -> float:
    """Wait until a request with the key has this status; returns how long that took."""
    begun = time.monotonic()
    while await status(served, key) != wanted:
        assert time.monotonic() - begun < within
        await asyncio.sleep(0.05)
    return time.monotonic() - begun
