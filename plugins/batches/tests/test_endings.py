"""How batches end otherwise than completed, and who is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from desk import PLUGINS, Desk, Model, chat_line, model_type, written

from dinrail_batches import rows
from dinrail_core.api.batches import Batch, Batches, CreateBatch
from dinrail_core.api.call import Call, Principal
from dinrail_core.api.files import Files, NewFile
from dinrail_core.api.jobs import Jobs
from dinrail_core.api.webhooks import EVENT_TYPES, CreateWebhookEndpoint, Webhooks
from dinrail_core.errors import NotFound
from dinrail_core.hooks import Rail
from dinrail_sdk.testing import open_rail

ANN = Call(Principal("acme", "ann"))


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_not_done_in_time_expires(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rows._WINDOWS, "24h", 2)

    async def says(text: str) -> Any:
        if text == "endless":
            await asyncio.Event().wait()
        return "ok"

    desk.model.says = says
    lines = [chat_line(f"slow-{number}", "endless") for number in range(300)]
    batch = await desk.done([chat_line("quick"), *lines])
    assert batch.status == "expired"
    assert batch.expired_at is not None
    assert batch.request_counts is not None
    assert batch.request_counts.model_dump() == {"total": 301, "completed": 1, "failed": 300}
    results = await desk.results(batch)
    assert results.keys() == {"quick", *(line["custom_id"] for line in lines)}
    for name, result in results.items():
        if name != "quick":
            assert (result["response"], result["error"]["code"]) == (None, "batch_expired")
    assert desk.model.at_once == 0


@pytest.fixture
async def model() -> Model:
    return Model()


@pytest.fixture
async def rail(model: Model, database_config: dict[str, Any], tmp_path: Path) -> AsyncIterator[Rail]:
    """The services, webhooks among them."""
    services = {**database_config.get("services", {}), "batches": {"backoff": 0.05}}
    config = {"data_dir": str(tmp_path), "services": services, "providers": {"up": {"type": "kit"}}}
    async with open_rail(model_type(model), config=config, plugins=(*PLUGINS, "webhooks")) as opened:
        yield opened


async def begun(rail: Rail, lines: bytes, call: Call) -> Batch:
    async def source() -> AsyncIterator[bytes]:
        yield lines

    files, batches = await rail.service(Files), await rail.service(Batches)
    file = await files.create(NewFile(filename="a", purpose="batch"), source(), call)
    new = CreateBatch(input_file_id=file.value.id, endpoint="/v1/chat/completions", completion_window="24h")
    return (await batches.create(new, call)).value


async def ended(rail: Rail, batch: Batch, call: Call) -> Batch:
    batches = await rail.service(Batches)
    async with asyncio.timeout(30):
        while batch.status not in rows.ENDED:
            await asyncio.sleep(0.02)
            batch = (await batches.get(batch.id, call)).value
    return batch


async def test_a_batch_whose_answers_there_is_no_room_for_fails(rail: Rail, model: Model) -> None:
    lines = written([chat_line(str(number)) for number in range(20)])
    call = Call(ANN.principal, storage_limit=len(lines) + 100)
    batch = await ended(rail, await begun(rail, lines, call), call)
    assert batch.status == "failed"
    assert [error.code for error in batch.errors.data] == ["insufficient_quota"]  # type: ignore[union-attr]  # it has


async def test_lines_are_asked_on_behalf_of_the_owner_and_nobody_else_sees_the_batch(rail: Rail, model: Model) -> None:
    batch = await ended(rail, await begun(rail, written([chat_line("a")]), ANN), ANN)
    assert batch.status == "completed"
    (call,) = model.calls
    assert call.principal == ANN.principal
    assert call.deadline is not None
    assert call.request_id.startswith("req_")
    for stranger in (Principal("acme", "bob"), Principal("acme"), Principal("umbrella", "ann")):
        with pytest.raises(NotFound):
            await (await rail.service(Batches)).get(batch.id, Call(stranger))
        with pytest.raises(NotFound):
            await (await rail.service(Files)).get(str(batch.output_file_id), Call(stranger))


async def test_webhooks_are_told_how_a_batch_has_ended_and_once(rail: Rail, model: Model) -> None:
    webhooks, jobs, batches = await rail.service(Webhooks), await rail.service(Jobs), await rail.service(Batches)
    new = CreateWebhookEndpoint(name="a", url="https://example.invalid/", event_types=list(EVENT_TYPES))
    await webhooks.create(new, ANN)
    await webhooks.create(new, Call())

    async def says(text: str) -> Any:
        await asyncio.Event().wait()

    completed = await ended(rail, await begun(rail, written([chat_line("a")]), ANN), ANN)
    failed = await ended(rail, await begun(rail, b"{", ANN), ANN)
    model.says = says
    cancelled = await begun(rail, written([chat_line("a")]), ANN)
    await batches.cancel(cancelled.id, ANN)
    await ended(rail, cancelled, ANN)
    wanted = {("batch.completed", completed.id), ("batch.failed", failed.id), ("batch.cancelled", cancelled.id)}
    async with asyncio.timeout(30):
        while len(found := await jobs.list(None, kind="webhook")) < len(wanted):
            await asyncio.sleep(0.02)
    events = [job.payload["event"] for job in found]
    assert {(event["type"], event["data"]["id"]) for event in events} == wanted
    assert len(events) == len(wanted)
    assert all(job.principal == ANN.principal for job in found)
    told = json.dumps(events)
    assert "hello" not in told, "events hold no content"


async def test_what_lines_came_to_is_kept_no_longer_than_it_takes_to_write_it(rail: Rail, model: Model) -> None:
    from sqlalchemy import Connection, func, select

    from dinrail_batches.tables import LINES
    from dinrail_sdk.sql.contract import Database

    def count(connection: Connection) -> int:
        return int(connection.execute(select(func.count()).select_from(LINES)).scalar_one())

    await ended(rail, await begun(rail, written([chat_line(str(number)) for number in range(700)]), ANN), ANN)
    database = await rail.service(Database)
    async with asyncio.timeout(30):
        while await database.sweep(count):
            await asyncio.sleep(0.02)
