"""What jobs do in one process."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from workshop import PLUGINS, Workshop, until, workshop

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.jobs import JobFailed, JobRun, Jobs
from dinrail_core.errors import Conflict, NotFound, NothingServes
from dinrail_sdk.testing import open_rail

ANN = Call(principal=Principal("acme", "ann", frozenset({"editor"})), request_id="req_1", traceparent="00-1")
BOB = Call(principal=Principal("acme", "bob"))


async def test_a_job_is_done_on_behalf_of_whom_it_was_enqueued_for(config: dict[str, Any]) -> None:
    seen: list[Any] = []

    async def work(shop: Workshop, run: JobRun) -> None:
        seen.append((shop, run.payload, run.call, run.attempt))

    made: list[Workshop] = []
    async with open_rail(workshop(work, made=made), plugins=PLUGINS, config=config) as rail:
        jobs = await rail.service(Jobs)
        job_id = await jobs.enqueue("work", {"n": 1, "text": "é\0"}, ANN)
        job = await until(jobs, job_id)
        assert job.state == "completed"
        assert job.principal == ANN.principal
        assert job.started_at is not None
        assert job.ended_at is not None
        assert job.attempt == 1
        assert (await jobs.counts()) == {("work", "completed"): 1}
    assert seen == [(made[0], {"n": 1, "text": "é\0"}, ANN, 1)]


async def test_a_recorded_step_is_not_done_again_in_a_later_attempt(config: dict[str, Any]) -> None:
    done: list[str] = []
    keys: dict[str, set[str]] = {}

    async def step(name: str, key: str) -> Any:
        done.append(name)
        keys.setdefault(name, set()).add(key)
        return {"of": name}

    async def work(shop: Workshop, run: JobRun) -> None:
        names = ["a", "b"] if run.attempt == 1 else ["b", "a", "c"]
        for name in names:
            assert await run.step(name, partial(step, name)) == {"of": name}
        if run.attempt == 1:
            raise ConnectionError("secret")

    async with open_rail(workshop(work), plugins=PLUGINS, config=config) as rail:
        jobs = await rail.service(Jobs)
        job = await until(jobs, await jobs.enqueue("work", {}, ANN))
        assert (job.state, job.attempt, job.error) == ("completed", 2, None)
    assert done == ["a", "b", "c"]
    assert len({key for found in keys.values() for key in found}) == 3


async def test_a_job_that_fails_for_good_is_told_its_service_and_can_be_retried(config: dict[str, Any]) -> None:
    attempts: list[int] = []
    good = asyncio.Event()

    async def work(shop: Workshop, run: JobRun) -> None:
        attempts.append(run.attempt)
        if not good.is_set():
            raise JobFailed("The file is gone.", code="file_gone") if run.payload["final"] else ValueError("secret")

    made: list[Workshop] = []
    async with open_rail(workshop(work, made=made), plugins=PLUGINS, config=config) as rail:
        jobs = await rail.service(Jobs)
        final = await until(jobs, await jobs.enqueue("work", {"final": True}, ANN))
        assert (final.state, final.attempt) == ("failed", 1)
        assert final.error == {"code": "file_gone", "message": "The file is gone."}
        other = await until(jobs, await jobs.enqueue("work", {"final": False}, ANN))
        assert (other.state, other.attempt) == ("failed", 3)
        assert other.error == {"code": "internal_error", "message": "The work failed (ValueError)."}
        async with asyncio.timeout(10):
            while len(made[0].ends) < 2:
                await asyncio.sleep(0.02)
        assert [(job.id, job.state) for job in made[0].ends] == [(final.id, "failed"), (other.id, "failed")]
        good.set()
        async with asyncio.timeout(10):
            while True:
                try:
                    await jobs.retry(other.id, None)
                    break
                except Conflict:  # its end is being told just now
                    await asyncio.sleep(0.02)
        again = await until(jobs, other.id)
        assert (again.state, again.attempt) == ("completed", 1)
        with pytest.raises(Conflict):
            await jobs.retry(other.id, None)


async def test_a_key_makes_one_job_of_one_callers_tries(config: dict[str, Any]) -> None:
    async def work(shop: Workshop, run: JobRun) -> None:
        pass

    async with open_rail(workshop(work), plugins=PLUGINS, config=config) as rail:
        jobs = await rail.service(Jobs)
        ids = await asyncio.gather(*(jobs.enqueue("work", {"n": n}, ANN, key="k") for n in range(5)))
        assert len(set(ids)) == 1
        await until(jobs, ids[0])
        assert await jobs.enqueue("work", {}, ANN, key="k") == ids[0]
        assert await jobs.enqueue("work", {}, BOB, key="k") != ids[0]
        assert await jobs.enqueue("work", {}, ANN, key="l") != ids[0]


async def test_nobody_sees_or_touches_anothers_job(config: dict[str, Any]) -> None:
    async def work(shop: Workshop, run: JobRun) -> None:
        pass

    async with open_rail(workshop(work), plugins=PLUGINS, config=config) as rail:
        jobs = await rail.service(Jobs)
        mine = await jobs.enqueue("work", {}, ANN, delay=60)
        theirs = await jobs.enqueue("work", {}, BOB, delay=60)
        for call in (jobs.get, jobs.cancel, jobs.retry):
            with pytest.raises(NotFound):
                await call(mine, BOB.principal)
        assert [job.id for job in await jobs.list(BOB.principal)] == [theirs]
        assert [job.id for job in await jobs.list(None)] == [theirs, mine]
        assert [job.id for job in await jobs.list(None, limit=1, after=theirs)] == [mine]
        assert [job.id for job in await jobs.list(None, state="running")] == []
        assert (await jobs.get(mine, ANN.principal)).state == "queued"
        with pytest.raises(NothingServes):
            await jobs.enqueue("unheard-of", {}, ANN)


async def test_cancelling_ends_a_job_that_runs_and_one_that_waits(config: dict[str, Any]) -> None:
    begun = asyncio.Event()
    saw: list[bool] = []

    async def work(shop: Workshop, run: JobRun) -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            saw.append(run.cancelled)

    made: list[Workshop] = []
    async with open_rail(workshop(work, made=made), plugins=PLUGINS, config=config) as rail:
        jobs = await rail.service(Jobs)
        running = await jobs.enqueue("work", {}, ANN)
        waiting = await jobs.enqueue("work", {}, ANN, delay=60)
        await asyncio.wait_for(begun.wait(), 10)
        assert (await jobs.cancel(running, ANN.principal)).id == running
        assert (await jobs.cancel(waiting, None)).state == "cancelled"
        assert (await until(jobs, running, seconds=5)).state == "cancelled"
        async with asyncio.timeout(10):
            while len(made[0].ends) < 2:
                await asyncio.sleep(0.02)
        assert {(job.id, job.state) for job in made[0].ends} == {(running, "cancelled"), (waiting, "cancelled")}
        assert (await jobs.cancel(running, None)).state == "cancelled"
    assert saw == [True]


async def test_limits_hold_and_progress_is_seen(config: dict[str, Any]) -> None:
    now: dict[str, int] = {"acme": 0, "other": 0}
    most: dict[str, int] = {"acme": 0, "other": 0, "all": 0}
    release = asyncio.Event()

    async def work(shop: Workshop, run: JobRun) -> None:
        tenant = run.call.principal.tenant
        now[tenant] += 1
        most[tenant] = max(most[tenant], now[tenant])
        most["all"] = max(most["all"], sum(now.values()))
        await run.progress(1, 2, "half")
        await release.wait()
        await asyncio.sleep(0.01)
        now[tenant] -= 1

    async with open_rail(workshop(work, concurrency=3, per_tenant=2), plugins=PLUGINS, config=config) as rail:
        jobs = await rail.service(Jobs)
        ids = [await jobs.enqueue("work", {}, ANN) for _ in range(6)]
        ids.append(await jobs.enqueue("work", {}, Call(principal=Principal("other"))))
        async with asyncio.timeout(20):
            while sum(now.values()) < 3 or (await jobs.get(ids[0], None)).progress is None:
                await asyncio.sleep(0.02)
        first = await jobs.get(ids[0], None)
        assert first.progress is not None
        assert (first.progress.done, first.progress.total, first.progress.note) == (1, 2, "half")
        assert first.worker is not None
        assert ":" in first.worker
        release.set()
        for job_id in ids:
            assert (await until(jobs, job_id)).state == "completed"
    assert most == {"acme": 2, "other": 1, "all": 3}


async def test_what_is_under_way_when_a_server_stops_goes_on_at_its_next_start(config: dict[str, Any]) -> None:
    begun = asyncio.Event()
    log: list[str] = []

    async def once(key: str) -> None:
        log.append("step")

    async def work(shop: Workshop, run: JobRun) -> None:
        await run.step("one", once)
        if begun.is_set():
            log.append(f"again in attempt {run.attempt}")
            return
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            log.append(f"stopped, cancelled: {run.cancelled}, open: {shop.is_open}")

    kind = workshop(work)
    async with open_rail(kind, plugins=PLUGINS, config=config) as rail:
        job_id = await (await rail.service(Jobs)).enqueue("work", {}, ANN)
        await asyncio.wait_for(begun.wait(), 10)
    async with open_rail(kind, plugins=PLUGINS, config=config) as rail:
        assert rail.is_open(Jobs), "where jobs may wait, the engine is opened at the start"
        assert (await until(await rail.service(Jobs), job_id)).state == "completed"
    assert log == ["step", "stopped, cancelled: False, open: True", "again in attempt 1"]


async def test_what_nobody_enqueues_is_done_again_and_again(config: dict[str, Any]) -> None:
    rounds = 0
    third = asyncio.Event()

    async def work(shop: Workshop, run: JobRun) -> None:
        nonlocal rounds
        rounds += 1
        await run.step("one", lambda key: asyncio.sleep(0, "done"))
        if rounds == 3:
            third.set()

    async with open_rail(workshop(work, every=0.05), plugins=PLUGINS, config=config) as rail:
        jobs = await rail.service(Jobs)
        await asyncio.wait_for(third.wait(), 20)
        assert not await jobs.list(None)
        assert not await jobs.counts()


async def test_one_process_without_workers_leaves_jobs_to_another(config: dict[str, Any]) -> None:
    done: list[str] = []

    async def work(shop: Workshop, run: JobRun) -> None:
        done.append(run.id)

    kind = workshop(work)
    idle = {**config, "services": {**config["services"], "jobs": {"workers": False}}}
    async with open_rail(kind, plugins=PLUGINS, config=idle) as taking_in:
        jobs = await taking_in.service(Jobs)
        job_id = await jobs.enqueue("work", {}, ANN)
        await asyncio.sleep(0.1)
        assert not done
        async with open_rail(kind, plugins=PLUGINS, config=config) as working:
            await working.service(Jobs)
            assert (await until(jobs, job_id)).state == "completed"
    assert done == [job_id]
