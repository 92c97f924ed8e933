"""The database goes away while jobs are done."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.jobs import JobRun, Jobs
from dinrail_sdk.testing import open_rail
from dinrail_sdk.testing.databases import PostgreSQL, own_postgresql
from dinrail_sdk.testing.workshop import Workshop, until, workshop

__all__ = ["own_postgresql"]

PLUGINS = ("database", "jobs")


@pytest.mark.slow
async def test_who_cannot_say_that_it_lives_stops_before_others_may_begin(
    own_postgresql: PostgreSQL, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "dinrail.jobs")
    begun, interrupted = asyncio.Event(), asyncio.Event()
    done: list[str] = []

    async def note(name: str) -> None:
        done.append(name)

    async def work(shop: Workshop, run: JobRun) -> None:
        await run.step("first", lambda key: note("first"))
        if not begun.is_set():
            begun.set()
            try:
                await asyncio.sleep(60)
            finally:
                assert not run.cancelled
                interrupted.set()
        await run.step("second", lambda key: note("second"))

    services: dict[str, Any] = {"database": {"url": own_postgresql.create()}, "jobs": {"lease": 2}}
    config = {"data_dir": str(tmp_path), "services": services}
    async with open_rail(workshop(work), plugins=PLUGINS, config=config) as rail:
        jobs = await rail.service(Jobs)
        job_id = await jobs.enqueue("work", {}, Call())
        await asyncio.wait_for(begun.wait(), 20)
        await asyncio.to_thread(own_postgresql.stop)
        await asyncio.wait_for(interrupted.wait(), 20)
        await asyncio.sleep(1.5)
        await asyncio.to_thread(own_postgresql.start)
        job = await until(jobs, job_id, seconds=60)
        assert (job.state, job.attempt) == ("completed", 1)
    assert done == ["first", "second"]
    complaints = [record for record in caplog.records if "jobs are not looked for" in record.getMessage()]
    assert len(complaints) == 1, "an outage is a line in the log, not one a second"
