"""Processes are killed while they take files in: another one goes on, counts are right, and no chunk is there twice."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from shop import open_shop
from sqlalchemy import select

from dinrail_core.api.vector_index import VectorIndex
from dinrail_sdk.sql.contract import Database
from dinrail_vector_stores.tables import CHUNKS

INGESTER = Path(__file__).parent / "ingester.py"
FILES = 4
PARAGRAPHS = 120


async def killed(config: dict[str, Any], store_id: str, until: int, pause: float) -> None:
    """A process that takes files in until so many are done, and a moment longer."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, INGESTER, json.dumps(config), store_id, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(120):
            while (line := (await process.stdout.readline()).strip()) == b"open" or int(line) < until:
                pass
        await asyncio.sleep(pause)
    finally:
        process.kill()
        await process.wait()


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_another_process_goes_on_and_no_chunk_is_there_twice(config: dict[str, Any]) -> None:
    idle = {**config, "services": {**config["services"], "jobs": {"lease": 2, "workers": False}}}
    slow = {**config, "providers": {"models": {"type": "models", "delay": 0.1}}}
    sizes = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 20}}
    async with open_shop(idle) as shop:
        store_id = await shop.store()
        texts = [
            "\n\n".join(f"Paragraph {number} of file{file}. " + "word " * 80 for number in range(PARAGRAPHS))
            for file in range(FILES)
        ]
        ids = [await shop.file(text, f"{number}.txt") for number, text in enumerate(texts)]
        batch = await shop.batch(store_id, file_ids=ids, chunking_strategy=sizes)
    for until, pause in ((0, 0.7), (1, 0.3)):
        await killed(slow, store_id, until, pause)
    async with open_shop(config) as shop:
        between = await shop.get(store_id)
        assert between.file_counts.total == FILES
        store = await shop.settled(store_id)
        assert store.file_counts.completed == FILES
        assert (await shop.stores.get_batch(store_id, batch.id, shop.call)).value.status == "completed"
        database = await shop.rail.service(Database)
        places = await database.sweep(
            lambda connection: connection.execute(select(CHUNKS.c.file, CHUNKS.c.start_index)).all()
        )
        rows = len(places)
        assert rows == len({tuple(place) for place in places})
        assert rows > FILES * PARAGRAPHS / 2
        assert await shop.rail.instances(VectorIndex)["sqlite-vec"].count(f"{store_id}_1") == rows
        assert store.usage_bytes == sum(file.usage_bytes for file in (await shop.listed(store_id)).data)
        for number, text in enumerate(texts):
            content = (await shop.stores.file_content(store_id, ids[number], shop.call)).value.data[0].text
            assert content.split() == text.split()
        assert (await shop.names(store_id, "file2", search_mode="keyword"))[0] == "2.txt"
