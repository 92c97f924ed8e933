"""The suite of engines passes a right one, and each of its cases finds the fault that it is there for."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from memory_jobs import Entry, MemoryJobs, Run, Shelf, engine

from dinrail_core.api.call import Principal
from dinrail_core.api.jobs import Job, JobKind, JobState, Json
from dinrail_core.hooks import Rail, ServiceType
from dinrail_sdk.testing import open_rail
from dinrail_sdk.testing.jobs import JobsSuite


class TestARightEngine(JobsSuite):
    kind: type[MemoryJobs] = MemoryJobs

    @pytest.fixture(autouse=True)
    def shelf(self) -> None:
        self._shelf: Shelf = {}

    def open_rail(self, *services: ServiceType, working: bool = True) -> AbstractAsyncContextManager[Rail]:
        return open_rail(engine(self._shelf, self.kind, working=working), *services)


class Anonymous(MemoryJobs):
    """Forgets on whose behalf."""

    def begin(self, entry: Entry) -> None:
        entry.call = type(entry.call)()
        super().begin(entry)


class Repeating(MemoryJobs):
    """Does recorded steps again."""

    class run_type(Run):  # it takes the place of an attribute
        async def step(self, name: str, work: Callable[[str], Awaitable[Json]]) -> Json:
            return await work(f"{self.id}/{name}")


class SameKey(MemoryJobs):
    """Gives all steps one key."""

    class run_type(Run):  # it takes the place of an attribute
        async def step(self, name: str, work: Callable[[str], Awaitable[Json]]) -> Json:
            return await super().step(name, lambda key: work("key"))


class Talkative(MemoryJobs):
    """Keeps what an exception says."""

    def said(self, error: Exception) -> Mapping[str, str]:
        return {**super().said(error), "message": str(error)}


class Stubborn(MemoryJobs):
    """Tries again what has failed for good."""

    def fail(self, entry: Entry, kind: JobKind, error: Exception) -> None:
        super().fail(entry, kind, RuntimeError() if entry.failures == 0 else error)


class Keyless(MemoryJobs):
    """Makes a job for each try."""

    def same(self, entry: Entry, kind: str, key: str, principal: Principal) -> bool:
        return False


class SharedKeys(MemoryJobs):
    """Takes one caller's key for another's."""

    def same(self, entry: Entry, kind: str, key: str, principal: Principal) -> bool:
        return super().same(entry, kind, key, entry.job.principal)


class Open(MemoryJobs):
    """Shows everybody's jobs to anybody."""

    def found(self, job_id: str, principal: Principal | None) -> Entry:
        return super().found(job_id, None)


class Abrupt(MemoryJobs):
    """Does not say that a job is cancelled."""

    class run_type(Run):  # it takes the place of an attribute
        @property
        def cancelled(self) -> bool:
            return False


class Silent(MemoryJobs):
    """Marks as cancelled what was only stopped."""

    async def do(self, run: Run) -> None:
        await super().do(run)
        if run.entry.job.state == "queued" and not run.entry.periodic and run.entry.failures == 0:
            self.end(run.entry, "cancelled")


class Greedy(MemoryJobs):
    """Knows no limits."""

    def has_room(self, entry: Entry) -> bool:
        return True


class Unjust(MemoryJobs):
    """Knows no limit for a tenant."""

    def has_room(self, entry: Entry) -> bool:
        return len(self.runs) < self.kinds[entry.job.kind].concurrency


class Frank(MemoryJobs):
    """Lists and counts what nobody has enqueued."""

    async def counts(self) -> Mapping[tuple[str, JobState], int]:
        return {(entry.job.kind, entry.job.state): 1 for entry in self.shelf.values()}


class Blind(MemoryJobs):
    """Begins what nobody has enqueued whatever a look finds."""

    async def wanted(self, kind: JobKind) -> bool:
        await super().wanted(kind)
        return True


class Eager(MemoryJobs):
    """Begins jobs although it is only to take them in."""

    def __init__(self, shelf: Shelf, rail: Rail) -> None:
        super().__init__(shelf, rail)
        self.hasty = asyncio.create_task(self.look())

    async def get(self, job_id: str, principal: Principal | None) -> Job:
        job = await super().get(job_id, principal)
        if job.state == "completed":
            self.hasty.cancel()
        return job


FAULTS: list[tuple[type[MemoryJobs], str]] = [
    (Anonymous, "test_a_job_is_done_on_behalf_of_whom_it_was_enqueued_for"),
    (Repeating, "test_a_recorded_step_is_not_done_again_in_a_later_attempt"),
    (SameKey, "test_a_recorded_step_is_not_done_again_in_a_later_attempt"),
    (Talkative, "test_a_job_that_fails_for_good_is_told_its_service_and_can_be_retried"),
    (Stubborn, "test_a_job_that_fails_for_good_is_told_its_service_and_can_be_retried"),
    (Keyless, "test_a_key_makes_one_job_of_one_callers_tries"),
    (SharedKeys, "test_a_key_makes_one_job_of_one_callers_tries"),
    (Open, "test_nobody_sees_or_touches_anothers_job"),
    (Abrupt, "test_cancelling_ends_a_job_that_runs_and_one_that_waits"),
    (Silent, "test_what_is_under_way_when_a_server_stops_goes_on_at_its_next_start"),
    (Greedy, "test_limits_hold_and_progress_is_seen"),
    (Unjust, "test_limits_hold_and_progress_is_seen"),
    (Frank, "test_what_nobody_enqueues_is_done_again_and_again"),
    (Blind, "test_what_nobody_enqueues_is_begun_only_where_there_is_something_to_do"),
    (Eager, "test_one_process_without_workers_leaves_jobs_to_another"),
]


@pytest.mark.parametrize(("kind", "case"), FAULTS, ids=[kind.__name__ for kind, _ in FAULTS])
def test_a_wrong_engine_is_caught(kind: type[MemoryJobs], case: str) -> None:
    suite = TestARightEngine()
    suite.kind = kind
    suite._shelf = {}
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        getattr(suite, case)()


def test_each_case_is_shown_a_fault() -> None:
    cases = {name for name in dir(JobsSuite) if name.startswith("test_")}
    assert {case for _, case in FAULTS} == cases
