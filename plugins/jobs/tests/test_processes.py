"""Processes that are killed, stopped and told to end while they do jobs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence, Set
from pathlib import Path
from typing import Any

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.jobs import JobRun, Jobs
from dinrail_sdk.testing import open_rail
from dinrail_sdk.testing.workshop import Workshop, until, workshop

PLUGINS = ("database", "jobs")

Line = dict[str, Any]


class Crew:
    """Processes that do jobs, and the log that they share.

    Args:
        folder: Where the log is.
        config: What they read.
    """

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        self.log = folder / "log"
        self._config = folder / "config.json"
        self._config.write_text(json.dumps(config))
        self._processes: dict[int, asyncio.subprocess.Process] = {}

    async def hire(self, count: int = 1) -> Sequence[int]:
        """Start processes, and wait until they are ready."""

        async def start() -> int:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                Path(__file__).with_name("doing_jobs.py"),
                self._config,
                self.log,
                stdout=asyncio.subprocess.PIPE,
            )
            self._processes[process.pid] = process
            assert process.stdout is not None
            assert await asyncio.wait_for(process.stdout.readline(), 60) == b"ready\n"
            return process.pid

        return await asyncio.gather(*(start() for _ in range(count)))

    def send(self, pid: int, number: signal.Signals) -> None:
        self._processes[pid].send_signal(number)

    async def end(self, pid: int, number: signal.Signals = signal.SIGTERM) -> int:
        """End one, and return its exit code."""
        process = self._processes.pop(pid)
        process.send_signal(number)
        return await asyncio.wait_for(process.wait(), 30)

    def lines(self) -> list[Line]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    async def seen(self, wanted: Callable[[Line], bool], seconds: float = 30) -> Line:
        """The first such line, once it is there."""
        async with asyncio.timeout(seconds):
            while True:
                found = next((line for line in self.lines() if wanted(line)), None)
                if found is not None:
                    return found
                await asyncio.sleep(0.02)

    async def dismiss(self) -> None:
        for pid in list(self._processes):
            await self.end(pid, signal.SIGKILL)


@pytest.fixture
def config(config: dict[str, Any]) -> dict[str, Any]:
    """A process may be slow for some seconds without being taken for dead."""
    return {**config, "services": {**config["services"], "jobs": {"lease": 4}}}


@pytest.fixture
async def crew(config: dict[str, Any], tmp_path: Path) -> AsyncIterator[Crew]:
    one = Crew(tmp_path, config)
    yield one
    await one.dismiss()


@contextlib.asynccontextmanager
async def office(config: dict[str, Any]) -> AsyncIterator[Jobs]:
    """Where jobs are enqueued and looked at; none are done."""

    async def work(shop: Workshop, run: JobRun) -> None:
        raise AssertionError("this process does no jobs")

    services = {**config["services"], "jobs": {**config["services"]["jobs"], "workers": False}}
    async with open_rail(workshop(work), plugins=PLUGINS, config={**config, "services": services}) as rail:
        yield await rail.service(Jobs)


def check(lines: Sequence[Line], gone: Set[int] = frozenset()) -> None:
    """No step was begun again once it was recorded, and none while another process that lived was at its job."""
    recorded: set[tuple[str, str]] = set()
    at_it: dict[str, int] = {}
    for line in lines:
        step = (line["job"], line["step"])
        if line["what"] == "begun":
            assert step not in recorded
            other = at_it.get(line["job"], line["pid"])
            assert other == line["pid"] or other in gone, f"{line} while {other} was at it"
            at_it[line["job"]] = line["pid"]
        elif line["what"] == "recorded":
            recorded.add(step)
        if line["what"] in ("finished", "cancelled", "broken off") and at_it.get(line["job"]) == line["pid"]:
            del at_it[line["job"]]


async def kill_rounds(config: dict[str, Any], crew: Crew, rounds: int, jobs_a_round: int) -> None:
    gone: set[int] = set()
    pids = list(await crew.hire(2))
    chance = random.Random(4)
    async with office(config) as jobs:
        ids: list[str] = []
        for _ in range(rounds):
            new = [await jobs.enqueue("work", {"steps": 5, "seconds": 0.1}, Call()) for _ in range(jobs_a_round)]
            ids += new
            await crew.seen(lambda line, new=new: line["job"] in new and line["what"] == "begun")  # type: ignore[misc]  # its type is inferred
            await asyncio.sleep(chance.uniform(0, 0.6))  # anywhere in the work
            victim = pids.pop(0)
            gone.add(victim)
            await crew.end(victim, signal.SIGKILL)
            pids += await crew.hire()
        for job_id in ids:
            assert (await until(jobs, job_id, seconds=60)).state == "completed"
    check(crew.lines(), gone)
    for job_id in ids:
        assert {line["step"] for line in crew.lines() if line["job"] == job_id} >= {f"step-{n}" for n in range(5)}


@pytest.mark.slow
async def test_no_kill_loses_a_job_or_repeats_a_recorded_step(config: dict[str, Any], crew: Crew) -> None:
    await kill_rounds(config, crew, rounds=2, jobs_a_round=6)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_many_kills_lose_no_job_and_repeat_no_recorded_step(config: dict[str, Any], crew: Crew) -> None:
    await kill_rounds(config, crew, rounds=40, jobs_a_round=6)


@pytest.mark.slow
async def test_a_process_that_stood_still_finds_its_jobs_taken_over_and_writes_nothing(
    config: dict[str, Any], crew: Crew
) -> None:
    (first,) = await crew.hire()
    async with office(config) as jobs:
        job_id = await jobs.enqueue("work", {"steps": 2, "seconds": 1.0}, Call())
        await crew.seen(lambda line: line["step"] == "step-0" and line["what"] == "begun")
        crew.send(first, signal.SIGSTOP)
        stopped_at = time.monotonic()
        (second,) = await crew.hire()
        await crew.seen(lambda line: line["pid"] == second and line["what"] == "begun")
        assert time.monotonic() - stopped_at < 30
        crew.send(first, signal.SIGCONT)
        assert (await until(jobs, job_id)).state == "completed"
        # What it is given now shows that it is well again, and it knows that the other job is not its own.
        await crew.end(second)
        last = await jobs.enqueue("work", {"steps": 1, "seconds": 0.0}, Call())
        assert (await until(jobs, last)).state == "completed"
    lines = crew.lines()
    assert {line["pid"] for line in lines if line["job"] == last} == {first}
    written = [line["pid"] for line in lines if line["job"] == job_id and line["what"] in ("recorded", "finished")]
    assert written == [second] * 3
    check(lines, {first})


@pytest.mark.slow
async def test_cancelling_reaches_another_process_and_sigterm_hands_work_over(
    config: dict[str, Any], crew: Crew
) -> None:
    (first,) = await crew.hire()
    async with office(config) as jobs:
        unwanted = await jobs.enqueue("work", {"steps": 1, "seconds": 60}, Call())
        await crew.seen(lambda line: line["job"] == unwanted)
        asked_at = time.monotonic()
        assert (await jobs.cancel(unwanted, None)).cancelling
        assert (await until(jobs, unwanted, seconds=10)).state == "cancelled"
        assert time.monotonic() - asked_at < 2
        job_id = await jobs.enqueue("work", {"steps": 2, "seconds": 0.3}, Call())
        await crew.seen(lambda line: line["job"] == job_id and line["what"] == "recorded")
        assert await crew.end(first) == 0
        assert (await jobs.get(job_id, None)).state == "queued"
        await crew.hire()
        assert (await until(jobs, job_id)).state == "completed"
    lines = [line for line in crew.lines() if line["job"] == job_id]
    assert [line["step"] for line in lines if line["what"] == "begun"] in (
        ["step-0", "step-1"],
        ["step-0", "step-1", "step-1"],
    )
    check(crew.lines())


def test_the_log_is_looked_at_closely() -> None:
    def line(what: str, pid: int, step: str = "step-0") -> Line:
        return {"what": what, "job": "j", "step": step, "pid": pid}

    check([line("begun", 1), line("begun", 2)], {1})
    for wrong in (
        [line("begun", 1), line("begun", 2)],
        [line("begun", 1), line("recorded", 1), line("begun", 1)],
    ):
        with pytest.raises(AssertionError):
            check(wrong)
