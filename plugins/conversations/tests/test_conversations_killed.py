"""Processes are killed while they write: what was acknowledged is there, and what is there is whole."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import sys
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from talk import ANN, heard, text_of

from dinrail_core.api.conversations import Conversations
from dinrail_core.errors import NotFound
from dinrail_sdk.testing import open_rail

WRITER = Path(__file__).parent / "writer.py"
ROUNDS = 3


async def killed_writer(config: dict[str, Any], name: str, lines: int, pause: float) -> list[list[str]]:
    """What a process acknowledged until it was killed, a moment after it had said some lines."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, WRITER, "write", json.dumps(config), name, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    heard_so_far = b""
    try:
        for _ in range(lines):
            heard_so_far += await asyncio.wait_for(process.stdout.readline(), 90)
        await asyncio.sleep(pause)
    finally:
        process.kill()
    rest = await process.stdout.read()
    await process.wait()
    return [line.split() for line in (heard_so_far + rest).decode().splitlines(keepends=True) if line.endswith("\n")]


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_nothing_acknowledged_is_lost_and_no_batch_is_torn(config: dict[str, Any], tmp_path: Path) -> None:
    chance = random.Random(7)
    said: list[list[str]] = []
    async with open_rail(plugins=("database", "conversations"), config=config) as rail:
        await rail.service(Conversations)  # tables are made before two start at once
    for turn in range(ROUNDS):
        writers = (
            killed_writer(config, f"w{turn}{side}", chance.randint(10, 60), chance.uniform(0, 0.05))
            for side in range(2)
        )
        for lines in await asyncio.gather(*writers):
            said += lines
    added, deleted, gone = defaultdict[str, list[list[str]]](list), defaultdict[str, set[str]](set), []
    for word, key, *ids in said:
        if word == "added":
            added[key].append(ids)
        elif word == "deleted":
            deleted[key].update(ids)
        elif word == "gone":
            gone.append(key)
    assert sum(map(len, added.values())) > 20
    async with open_rail(plugins=("database", "conversations"), config=config) as rail:
        conversations = await rail.service(Conversations)
        for key, batches in added.items():
            items = await heard(conversations, key)
            texts = {item.id: text_of(item) for item in items}
            order = list(texts)
            for batch in batches:
                for item_id in batch[1:]:
                    assert item_id in texts
                assert order.index(batch[2]) == order.index(batch[1]) + 1
                assert batch[0] in texts or (batch[0] == batch[0] and _may_be_gone(batch, batches, deleted[key]))
            for item_id in deleted[key]:
                assert item_id not in texts
            _check_whole(list(texts.values()))
        for key in gone:
            with pytest.raises(NotFound):
                await conversations.get(key, ANN)
    file = tmp_path / "data/services/database/dinrail.db"
    if file.exists():
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            orphans = (
                "SELECT count(*) FROM conversation_items WHERE conversation_id NOT IN (SELECT id FROM conversations)"
            )
            assert connection.execute(orphans).fetchone() == (0,)


def _may_be_gone(batch: list[str], batches: list[list[str]], deleted: set[str]) -> bool:
    """Whether a batch's first item was deleted, acknowledged or not: the writer died before it could say so."""
    return batch[0] in deleted or batch is batches[-1]


def _check_whole(texts: list[str]) -> None:
    """Every batch has all of its parts, but for a first one that was deleted."""
    parts = defaultdict[str, list[str]](list)
    for text in texts:
        head, _, part = text.rpartition(" ")
        parts[head].append(part)
    for head, found in parts.items():
        third = int(head.split()[2]) % 3 == 2
        assert found == ["0", "1", "2"] or (third and found == ["1", "2"]), head
