"""A batch goes on behind kills and stops, loses no line, writes none twice, and repeats only what was under way."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, Model, chat_line
from openai import AsyncOpenAI
from openai.types import Batch
from serving import SLOTS, ModelServer, Process, model_server, write_configuration

LINES = 500
KILLS = (60, 140, 220, 300, 380)
STOP = 450


@asynccontextmanager
async def running(database: dict[str, Any], folder: Path) -> AsyncIterator[tuple[Process, ModelServer]]:
    """A server in front of a model that takes a little while."""
    services = {**database.get("services", {}), "jobs": {"lease": 2}, "batches": {"concurrency": SLOTS}}
    async with model_server(0.01) as model:
        write_configuration(folder, model.url, services)
        process = Process(folder)
        await process.start()
        yield process, model
        assert await process.end(signal.SIGTERM) == 0


async def begun(process: Process) -> Batch:
    async with AsyncOpenAI(base_url=process.url, api_key="none") as client:
        lines = [chat_line(f"line-{number}", str(number)) for number in range(LINES)]
        return await Desk(client, Model()).send(lines)


async def ended(process: Process, batch: Batch) -> None:
    """See the batch end, and each of its lines once."""
    async with AsyncOpenAI(base_url=process.url, api_key="none") as client:
        desk = Desk(client, Model())
        done = await desk.ended(batch)
        assert done.status == "completed"
        assert done.request_counts is not None
        assert done.request_counts.model_dump() == {"total": LINES, "completed": LINES, "failed": 0}
        results = await desk.results(done)
        assert results.keys() == {f"line-{number}" for number in range(LINES)}
        assert done.usage is not None
        assert done.usage.total_tokens == 9 * LINES
        files = [file.purpose async for file in client.files.list()]
        assert sorted(files) == ["batch", "batch_output"]


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_kills_lose_nothing_and_repeat_what_was_under_way_at_most(
    database_config: dict[str, Any], tmp_path: Path
) -> None:
    async with running(database_config, tmp_path) as (process, model):
        batch = await begun(process)
        for requests in KILLS:
            await model.until(requests)
            assert await process.end(signal.SIGKILL) == -signal.SIGKILL
            await process.start()
        await model.until(STOP)
        before = model.repeated
        assert before <= len(KILLS) * SLOTS
        assert await process.end(signal.SIGTERM) == 0
        await process.start()
        await ended(process, batch)
        assert model.asked.keys() == {str(number) for number in range(LINES)}
        assert model.repeated - before <= SLOTS
