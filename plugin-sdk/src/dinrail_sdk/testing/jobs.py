"""What every engine of jobs has to do.

A plugin's test file says how a rail with the engine is opened, and that is all::

    class TestMyEngine(JobsSuite):
        @pytest.fixture(autouse=True)
        def _in(self, tmp_path: Path) -> None:
            self._folder = tmp_path

        def open_rail(self, *services: ServiceType, working: bool = True) -> AbstractAsyncContextManager[Rail]:
            config = {"data_dir": str(self._folder), "services": {"mine": {"workers": working}}}
            return open_rail(*services, plugins=["mine"], config=config)

What processes do to each other when they are killed, stopped and cut off is the engine's own to test, with processes.
"""

from __future__ import annotations

import asyncio
import functools
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, TypeVar

import pytest

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.jobs import JobFailed, JobRun, Jobs
from dinrail_core.errors import Conflict, NotFound, NothingServes
from dinrail_core.hooks import Rail, ServiceType
from dinrail_sdk.testing.workshop import Workshop, until, workshop

__all__ = ["JobsSuite"]

_LIMIT = 90.0

_ANN = Call(
    principal=Principal("acme", "ann", frozenset({"editor"})),
    request_id="req_1",
    traceparent="00-1",
    credential="key_1",
)
_BOB = Call(principal=Principal("acme", "bob"))

S = TypeVar("S")


def _to_its_end(test: Callable[[S], Awaitable[None]]) -> Callable[[S], None]:
    """A test as a plain function, on an event loop of its own."""

    @functools.wraps(test)
    def run(self: S) -> None:
        async def limited() -> None:
            async with asyncio.timeout(_LIMIT):
                await test(self)

        asyncio.run(limited())

    return run


class JobsSuite(ABC):
    """The contract of :class:`~dinrail_core.api.jobs.Jobs`, as tests."""

    @abstractmethod
    def open_rail(self, *services: ServiceType, working: bool = True) -> AbstractAsyncContextManager[Rail]:
        """A rail with the engine under test; opened again within a test, it leads to the same jobs.

        Args:
            services: What else is on it.
            working: Whether it does jobs, and does not only take them in.
        """

    @_to_its_end
    async def test_a_job_is_done_on_behalf_of_whom_it_was_enqueued_for(self) -> None:
        """Troubleshooting: are roles, request id and trace of the call kept, and text with U+0000 in the payload?"""
        seen: list[Any] = []

        async def work(shop: Workshop, run: JobRun) -> None:
            seen.append((shop, run.payload, run.call, run.attempt))

        made: list[Workshop] = []
        async with self.open_rail(workshop(work, made=made)) as rail:
            jobs = await rail.service(Jobs)
            job_id = await jobs.enqueue("work", {"n": 1, "text": "é\0"}, _ANN)
            job = await until(jobs, job_id)
            assert job.state == "completed"
            assert job.principal == _ANN.principal
            assert job.started_at is not None
            assert job.ended_at is not None
            assert job.attempt == 1
            assert (await jobs.counts()) == {("work", "completed"): 1}
        assert seen == [(made[0], {"n": 1, "text": "é\0"}, _ANN, 1)]

    @_to_its_end
    async def test_a_recorded_step_is_not_done_again_in_a_later_attempt(self) -> None:
        """Troubleshooting: steps are found by their names, in any order; what a failed attempt has recorded stays."""
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

        async with self.open_rail(workshop(work)) as rail:
            jobs = await rail.service(Jobs)
            job = await until(jobs, await jobs.enqueue("work", {}, _ANN))
            assert (job.state, job.attempt, job.error) == ("completed", 2, None)
        assert done == ["a", "b", "c"]
        assert len({key for found in keys.values() for key in found}) == 3

    @_to_its_end
    async def test_a_job_that_fails_for_good_is_told_its_service_and_can_be_retried(self) -> None:
        """Troubleshooting: only a ``DinrailError`` says something for people; other text may be secret."""
        attempts: list[int] = []
        good = asyncio.Event()

        async def work(shop: Workshop, run: JobRun) -> None:
            attempts.append(run.attempt)
            if not good.is_set():
                raise JobFailed("The file is gone.", code="file_gone") if run.payload["final"] else ValueError("secret")

        made: list[Workshop] = []
        async with self.open_rail(workshop(work, made=made)) as rail:
            jobs = await rail.service(Jobs)
            final = await until(jobs, await jobs.enqueue("work", {"final": True}, _ANN))
            assert (final.state, final.attempt) == ("failed", 1)
            assert final.error == {"code": "file_gone", "message": "The file is gone."}
            other = await until(jobs, await jobs.enqueue("work", {"final": False}, _ANN))
            assert (other.state, other.attempt) == ("failed", 3)
            assert other.error == {"code": "internal_error", "message": "The work failed (ValueError)."}
            await made[0].told(2)
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

    @_to_its_end
    async def test_a_key_makes_one_job_of_one_callers_tries(self) -> None:
        """Troubleshooting: a key belongs to a principal and a kind, and counts when the job has ended too."""

        async def work(shop: Workshop, run: JobRun) -> None:
            pass

        async with self.open_rail(workshop(work)) as rail:
            jobs = await rail.service(Jobs)
            ids = await asyncio.gather(*(jobs.enqueue("work", {"n": n}, _ANN, key="k") for n in range(5)))
            assert len(set(ids)) == 1
            await until(jobs, ids[0])
            assert await jobs.enqueue("work", {}, _ANN, key="k") == ids[0]
            assert await jobs.enqueue("work", {}, _BOB, key="k") != ids[0]
            assert await jobs.enqueue("work", {}, _ANN, key="l") != ids[0]

    @_to_its_end
    async def test_nobody_sees_or_touches_anothers_job(self) -> None:
        """Troubleshooting: somebody else's job looks like none; ``after`` goes on behind a job, the newest first."""

        async def work(shop: Workshop, run: JobRun) -> None:
            pass

        async with self.open_rail(workshop(work)) as rail:
            jobs = await rail.service(Jobs)
            mine = await jobs.enqueue("work", {}, _ANN, delay=60)
            theirs = await jobs.enqueue("work", {}, _BOB, delay=60)
            for call in (jobs.get, jobs.cancel, jobs.retry):
                with pytest.raises(NotFound):
                    await call(mine, _BOB.principal)
            assert [job.id for job in await jobs.list(_BOB.principal)] == [theirs]
            assert [job.id for job in await jobs.list(None)] == [theirs, mine]
            assert [job.id for job in await jobs.list(None, limit=1, after=theirs)] == [mine]
            assert [job.id for job in await jobs.list(None, state="running")] == []
            assert (await jobs.get(mine, _ANN.principal)).state == "queued"
            with pytest.raises(NothingServes):
                await jobs.enqueue("unheard-of", {}, _ANN)

    @_to_its_end
    async def test_cancelling_ends_a_job_that_runs_and_one_that_waits(self) -> None:
        """Troubleshooting: ``cancelled`` must be true before the work sees ``CancelledError``."""
        begun = asyncio.Event()
        saw: list[bool] = []

        async def work(shop: Workshop, run: JobRun) -> None:
            begun.set()
            try:
                await asyncio.sleep(60)
            finally:
                saw.append(run.cancelled)

        made: list[Workshop] = []
        async with self.open_rail(workshop(work, made=made)) as rail:
            jobs = await rail.service(Jobs)
            running = await jobs.enqueue("work", {}, _ANN)
            waiting = await jobs.enqueue("work", {}, _ANN, delay=60)
            await asyncio.wait_for(begun.wait(), 10)
            assert (await jobs.cancel(running, _ANN.principal)).id == running
            assert (await jobs.cancel(waiting, None)).state == "cancelled"
            assert (await until(jobs, running, seconds=5)).state == "cancelled"
            await made[0].told(2)
            assert {(job.id, job.state) for job in made[0].ends} == {(running, "cancelled"), (waiting, "cancelled")}
            assert (await jobs.cancel(running, None)).state == "cancelled"
        assert saw == [True]

    @_to_its_end
    async def test_limits_hold_and_progress_is_seen(self) -> None:
        """Troubleshooting: the limit of a tenant must not keep others waiting."""
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

        async with self.open_rail(workshop(work, concurrency=3, per_tenant=2)) as rail:
            jobs = await rail.service(Jobs)
            ids = [await jobs.enqueue("work", {}, _ANN) for _ in range(6)]
            ids.append(await jobs.enqueue("work", {}, Call(principal=Principal("other"))))
            first = await until(jobs, ids[0], "running")
            while first.progress is None or sum(now.values()) < 3:
                await asyncio.sleep(0.02)
                first = await jobs.get(ids[0], None)
            assert (first.progress.done, first.progress.total, first.progress.note) == (1, 2, "half")
            assert first.worker is not None
            release.set()
            for job_id in ids:
                assert (await until(jobs, job_id)).state == "completed"
        assert most == {"acme": 2, "other": 1, "all": 3}

    @_to_its_end
    async def test_what_is_under_way_when_a_server_stops_goes_on_at_its_next_start(self) -> None:
        """Troubleshooting: a handed over job is not cancelled, and its attempt does not count."""
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
        async with self.open_rail(kind) as rail:
            job_id = await (await rail.service(Jobs)).enqueue("work", {}, _ANN)
            await asyncio.wait_for(begun.wait(), 10)
        async with self.open_rail(kind) as rail:
            assert rail.is_open(Jobs), "where jobs may wait, the engine is opened at the start"
            assert (await until(await rail.service(Jobs), job_id)).state == "completed"
        assert log == ["step", "stopped, cancelled: False, open: True", "again in attempt 1"]

    @_to_its_end
    async def test_what_nobody_enqueues_is_done_again_and_again(self) -> None:
        """Troubleshooting: work with ``every`` is seen only where it is asked for; each round has steps of its own."""
        rounds = 0
        third = asyncio.Event()

        async def work(shop: Workshop, run: JobRun) -> None:
            nonlocal rounds
            rounds += 1
            await run.step("one", lambda key: asyncio.sleep(0, "done"))
            if rounds == 3:
                third.set()
            if rounds >= 3:
                raise JobFailed("It is enough.", code="enough")

        async with self.open_rail(workshop(work, every=0.05)) as rail:
            jobs = await rail.service(Jobs)
            await asyncio.wait_for(third.wait(), 20)
            assert not await jobs.list(None)
            assert not await jobs.counts()
            (job,) = await jobs.list(None, kind="work", periodic=True)
            while job.error is None:
                job = await jobs.get(job.id, None)
            assert (job.kind, job.error["code"], job.ended_at is not None) == ("work", "enough", True)
            assert not await jobs.list(job.principal, periodic=True), "it is nobody's"
            with pytest.raises(NotFound):
                await jobs.get(job.id, job.principal)
            for refused in (jobs.cancel, jobs.retry):
                with pytest.raises(Conflict):
                    await refused(job.id, None)

    @_to_its_end
    async def test_what_nobody_enqueues_is_begun_only_where_there_is_something_to_do(self) -> None:
        """Troubleshooting: a look that finds nothing, or fails, opens no service and is made again."""
        done: list[str] = []
        looked, worked = asyncio.Event(), asyncio.Event()
        looks: list[bool] = []
        found = False

        async def wanted(rail: Rail) -> bool:
            looks.append(rail.provides(Jobs))
            if len(looks) == 1:
                raise ValueError("not yet")
            if len(looks) >= 5:
                looked.set()
            return found

        async def work(shop: Workshop, run: JobRun) -> None:
            nonlocal found
            found = False
            done.append(run.id)
            worked.set()

        made: list[Workshop] = []
        async with self.open_rail(workshop(work, made=made, every=0.05, wanted=wanted)) as rail:
            jobs = await rail.service(Jobs)
            await asyncio.wait_for(looked.wait(), 20)
            assert not made
            assert all(looks)
            for _ in range(2):
                found = True
                worked.clear()
                await asyncio.wait_for(worked.wait(), 20)
            assert len(await jobs.list(None, kind="work", periodic=True)) == 1
        assert len(done) == 2

    @_to_its_end
    async def test_one_process_without_workers_leaves_jobs_to_another(self) -> None:
        """Troubleshooting: who only takes jobs in must not begin them."""
        done: list[str] = []

        async def work(shop: Workshop, run: JobRun) -> None:
            done.append(run.id)

        kind = workshop(work)
        async with self.open_rail(kind, working=False) as taking_in:
            jobs = await taking_in.service(Jobs)
            job_id = await jobs.enqueue("work", {}, _ANN)
            await asyncio.sleep(0.1)
            assert not done
            async with self.open_rail(kind) as working:
                await working.service(Jobs)
                assert (await until(jobs, job_id)).state == "completed"
        assert done == [job_id]
