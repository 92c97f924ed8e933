"""What is kept of responses: no more than was said, and the same when it is read again."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from dialogue import MODEL, PLUGINS, post, says

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.responses import CreateResponse, Responses, RetrieveQuery
from dinrail_core.errors import RateLimited
from dinrail_core.hooks import Rail
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.testing import FakeUpstream, Served, open_rail

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


ANN = Call(Principal("acme", "ann"), storage_limit=20_000)


@pytest.fixture
async def rail(config: dict[str, Any], database_config: dict[str, Any]) -> AsyncIterator[Rail]:
    """What is on the rail, over each database in turn."""
    services = {**config.get("services", {}), **database_config.get("services", {})}
    async with open_rail(plugins=PLUGINS, config={**config, "services": services}) as opened:
        yield opened


async def test_what_is_stored_of_responses_is_limited_and_deleting_makes_room(
    rail: Rail, upstream: FakeUpstream
) -> None:
    responses, database = await rail.service(Responses), await rail.service(Database)

    async def make(text: str, call: Call = ANN, **fields: Any) -> Any:
        request = CreateResponse.model_validate({"model": MODEL, "input": text, **fields})
        return json.loads((await responses.create(request, call)).body)

    async def stored() -> int:
        return await database.read(ANN.principal, lambda unit: unit.stored_bytes())

    made = await make("x" * 3000)
    first = await stored()
    assert first > 6000, "what was said and what was answered"
    asked = len(upstream.received)
    with pytest.raises(RateLimited) as refused:
        await make("x" * 15_000)
    assert refused.value.code == "insufficient_quota"
    with pytest.raises(RateLimited):
        await make("x" * 15_000, background=True)
    assert len(upstream.received) == asked, "no model was asked"
    await make("x" * 15_000, store=False)
    await make("x" * 15_000, Call(Principal("acme", "bob"), storage_limit=100_000))
    upstream.then(says("y" * 15_000))
    with pytest.raises(RateLimited):
        await make("Much, please.")
    upstream.says()
    assert await stored() == first
    later = await make("z" * 1000, background=True)
    async with asyncio.timeout(20):
        while json.loads((await responses.get(later["id"], RetrieveQuery(), ANN)).body)["status"] != "completed":
            await asyncio.sleep(0.05)
    assert await stored() > first + 4000, "what was said, what was answered, and in which events"
    for response in (made, later):
        await responses.delete(response["id"], ANN)
    assert await stored() == 0
