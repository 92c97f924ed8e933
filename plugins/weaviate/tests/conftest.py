"""The fake of Weaviate, in a thread with a loop of its own."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

sys.path.insert(0, str(Path(__file__).parent))

from fake_weaviate import FakeWeaviate

from dinrail_sdk.testing.vector_runs import pytest_collection_modifyitems

__all__ = ["pytest_collection_modifyitems"]


@pytest.fixture(scope="session")
def weaviate() -> Iterator[FakeWeaviate]:
    started, stop = threading.Event(), asyncio.Event()
    fake = FakeWeaviate()
    told: dict[str, Any] = {}

    async def run() -> None:
        runner = web.AppRunner(fake.app(), handle_signals=False)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        told["loop"] = asyncio.get_running_loop()
        started.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="fake-weaviate", daemon=True)
    thread.start()
    assert started.wait(30)
    yield fake
    told["loop"].call_soon_threadsafe(stop.set)
    thread.join(30)


@pytest.fixture(scope="session")
def weaviate_url(weaviate: FakeWeaviate) -> str:
    return weaviate.url
