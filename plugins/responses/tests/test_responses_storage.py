"""What is kept of responses: no more than was said, and the same when it is read again."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from dialogue import MODEL, post

from dinrail_sdk.testing import FakeUpstream, Served

TURNS = 200
MOST = 3000
"""Bytes a turn: the response, two items, and their indexes' columns."""


def kept_bytes(folder: str) -> int:
    """Bytes of all that the tables of responses hold."""
    (file,) = Path(folder).rglob("dinrail.db")
    total = 0
    with closing(sqlite3.connect(file)) as database:
        for table in ("responses", "response_items", "response_entries"):
            columns = [row[1] for row in database.execute(f"pragma table_info({table})")]
            lengths = " + ".join(f"coalesce(length({column}), 0)" for column in columns)
            (size,) = database.execute(f"select coalesce(sum({lengths}), 0) from {table}").fetchone()
            total += int(size)
    return total


async def test_a_chain_of_two_hundred_turns_grows_linearly(
    served: Served, config: dict[str, Any], upstream: FakeUpstream
) -> None:
    previous: str | None = None
    sizes = []
    for turn in range(TURNS):
        _, made = await post(served, {"model": MODEL, "input": f"turn {turn:03}", "previous_response_id": previous})
        previous = made["id"]
        if turn in (TURNS // 2 - 1, TURNS - 1):
            sizes.append(await asyncio.to_thread(kept_bytes, config["data_dir"]))
    assert len(upstream.asked.messages) == 2 * TURNS - 1
    half, whole = sizes
    assert whole < 2.1 * half
    assert whole / TURNS < MOST
