"""Who may take a job, and who may still write to it: processes as values, so that they die when a test says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.jobs import Job, JobKind, JobRun, Jobs
from dinrail_core.host import services
from dinrail_jobs import records
from dinrail_jobs.run import Run
from dinrail_jobs.turn import MOST_LOSSES, Taken, Turn, take_turn
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.testing import open_rail
from dinrail_sdk.testing.workshop import Workshop, until, workshop

ACME = Call(principal=Principal("acme", "ann"))
OTHER = Call(principal=Principal("other", "ann"))


async def nothing(shop: Workshop, run: JobRun) -> None:
    raise AssertionError("no job is done here")


class Table:
    """The jobs, and processes that take turns at them."""

    def __init__(self, jobs: Jobs, database: Database, kind: JobKind) -> None:
        self.jobs = jobs
        self.database = database
        self.kind = kind

    async def turn(self, worker: str, *, lease: float = 60.0, free: int = 9, holding: Sequence[str] = ()) -> Taken:
        """One process's turn. With a lease of 0 it is dead as soon as it has had it."""
        kinds = {self.kind.name: self.kind}
        turn = Turn(worker, worker, lease, kinds, {self.kind.name: free}, dict.fromkeys(holding))
        return await self.database.sweep(lambda connection: take_turn(connection, turn))

    async def take(self, worker: str, **options: Any) -> str:
        """The claim of the one job that a process takes."""
        (row,) = (await self.turn(worker, **options)).rows
        return str(row["claim"])

    async def record(self, job_id: str, claim: str, name: str) -> bool:
        work = partial(records.record_step, job_id=job_id, claim=claim, name=name, result="1")
        return await self.database.sweep(work)

    async def end(self, job_id: str, claim: str) -> Job:
        def work(connection: Connection) -> None:
            records.end(connection, job_id, claim, "completed", self.kind, {})

        await self.database.sweep(work)
        return await self.jobs.get(job_id, None)


@asynccontextmanager
async def table(config: dict[str, Any], **options: Any) -> AsyncIterator[Table]:
    idle = {**config, "services": {**config["services"], "jobs": {"workers": False}}}
    service = workshop(nothing, **options)
    async with open_rail(service, plugins=("database", "jobs"), config=idle) as rail:
        yield Table(await rail.service(Jobs), await rail.service(Database), service.jobs[0])


async def test_who_was_taken_for_dead_writes_nothing_any_more(config: dict[str, Any]) -> None:
    async with table(config) as at:
        job_id = await at.jobs.enqueue("work", {}, ACME)
        stale = await at.take("first", lease=0.0)
        assert await at.record(job_id, stale, "a"), "nobody has taken it over yet"
        fresh = await at.take("second")
        assert not await at.record(job_id, stale, "b")
        assert (await at.end(job_id, stale)).state == "running"
        assert await at.record(job_id, fresh, "b")
        back = await at.turn("first", holding=[stale])
        assert (back.held, back.rows) == ({}, [])
        assert (await at.turn("second", holding=[fresh])).held == {fresh: False}
        assert (await at.end(job_id, fresh)).state == "completed"
        assert (await at.end(job_id, stale)).state == "completed"


async def test_what_processes_die_over_again_and_again_is_given_up(config: dict[str, Any]) -> None:
    async with table(config) as at:
        job_id = await at.jobs.enqueue("work", {}, ACME)
        for number in range(5):
            await at.take(f"early-{number}", lease=0.0)
        assert await at.record(job_id, await at.take("patient", lease=0.0), "a step starts the count anew")
        for number in range(MOST_LOSSES - 1):
            assert (await at.jobs.get(job_id, None)).attempt == 1
            await at.take(f"late-{number}", lease=0.0)
        (end,) = (await at.turn("last")).rows
        assert (end["duty"], end["state"]) == ("tell", "failed")
        job = await at.jobs.get(job_id, None)
        assert job.error is not None
        assert job.error["code"] == "job_lost"


async def test_a_job_that_is_cancelled_while_its_process_is_dead_is_not_begun_again(config: dict[str, Any]) -> None:
    async with table(config) as at:
        job_id = await at.jobs.enqueue("work", {}, ACME)
        await at.take("first", lease=0.0)
        assert (await at.jobs.cancel(job_id, None)).cancelling
        (end,) = (await at.turn("second")).rows
        assert (end["duty"], end["state"]) == ("tell", "cancelled")


async def test_what_a_process_was_never_told_that_it_has_goes_to_others(config: dict[str, Any]) -> None:
    async with table(config) as at:
        await at.jobs.enqueue("work", {}, ACME)
        await at.jobs.enqueue("work", {}, ACME)
        known = await at.take("first", free=1)
        await at.take("first", free=1, holding=[known])  # and the answer was lost
        taken = await at.turn("first", free=0, holding=[known])
        assert (taken.held, taken.rows) == ({known: False}, [])
        assert len((await at.turn("second")).rows) == 1


async def test_the_limit_of_a_tenant_holds_over_processes_that_look_at_once(config: dict[str, Any]) -> None:
    async with table(config, per_tenant=2) as at:
        for _ in range(5):
            await at.jobs.enqueue("work", {}, ACME)
        await at.jobs.enqueue("work", {}, OTHER)
        turns = await asyncio.gather(*(at.turn(f"worker-{number}") for number in range(4)))
        tenants = sorted(row["tenant"] for taken in turns for row in taken.rows)
        assert tenants == ["acme", "acme", "other"]
        assert len({row["id"] for taken in turns for row in taken.rows}) == 3


async def test_a_step_is_refused_before_its_work_where_the_job_is_lost(config: dict[str, Any]) -> None:
    begun: list[str] = []

    async def work(key: str) -> None:
        begun.append(key)

    async with table(config) as at:
        job_id = await at.jobs.enqueue("work", {}, ACME)
        (row,) = (await at.turn("first", lease=0.0)).rows
        known, unknown = (Run(at.database, row, at.kind, fresh=fresh) for fresh in (True, False))
        await known.step("a", work)
        assert len(begun) == 1
        await at.take("second")
        with pytest.raises(asyncio.CancelledError):  # it asks what has been recorded
            await unknown.step("b", work)
        assert unknown.lost
        assert len(begun) == 1
        with pytest.raises(asyncio.CancelledError):  # it does not ask, and finds out when it records
            await known.step("b", work)
        assert known.lost
        with pytest.raises(asyncio.CancelledError):
            await known.step("c", work)
        assert len(begun) == 2
        assert (await at.jobs.get(job_id, None)).worker == "second"


async def test_who_was_started_before_there_was_a_database_does_what_others_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two servers on one empty folder: the first makes the database, and is gone."""
    monkeypatch.setattr(services, "_LOOK", 0.05)
    done: list[str] = []

    async def work(shop: Workshop, run: JobRun) -> None:
        done.append(run.id)

    config: dict[str, Any] = {"data_dir": str(tmp_path)}
    idle = {**config, "services": {"jobs": {"workers": False}}}
    async with open_rail(workshop(work), plugins=("database", "jobs"), config=config) as second:
        assert not second.is_open(Jobs)
        async with open_rail(workshop(work), plugins=("database", "jobs"), config=idle) as first:
            job_id = await (await first.service(Jobs)).enqueue("work", {}, ACME)
        async with asyncio.timeout(20):
            while not second.is_open(Jobs):
                await asyncio.sleep(0.01)
        assert (await until(await second.service(Jobs), job_id)).state == "completed"
    assert done == [job_id]


async def test_where_nobody_has_a_database_nothing_is_opened(tmp_path: Path) -> None:
    async with open_rail(plugins=("database", "jobs"), config={"data_dir": str(tmp_path)}) as rail:
        assert rail.provides(Jobs)
        assert not rail.is_open(Jobs)
        assert not rail.is_open(Database)
    assert not list(tmp_path.iterdir())
