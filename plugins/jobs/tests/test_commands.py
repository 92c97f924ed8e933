"""``dinrail jobs`` and ``dinrail worker``, over jobs that another process has taken in."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import pytest

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.jobs import JobFailed, JobRun, Jobs
from dinrail_core.cli.program import main
from dinrail_sdk.testing import open_rail, serve
from dinrail_sdk.testing.workshop import Workshop, workshop

PLUGINS = ("database", "jobs")

ANN = Call(principal=Principal("acme", "ann"))


async def work(shop: Workshop, run: JobRun) -> None:
    await run.progress(1, 3, "pages")
    raise JobFailed("The file is gone.", code="file_gone")


class Program:
    """Runs ``dinrail`` over one data folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.complaint = ""

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Run it, and return what it prints."""
        self._capsys.readouterr()
        assert main(["--data-dir", str(self.folder), *arguments]) == code
        printed = self._capsys.readouterr()
        self.complaint = printed.err
        return printed.out


@pytest.fixture
def dinrail(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.chdir(tmp_path)
    return Program(tmp_path / "data", capsys)


def fill(folder: Path) -> Sequence[str]:
    """A job that has failed, and one that waits."""

    async def run() -> Sequence[str]:
        made: list[Workshop] = []
        config = {"data_dir": str(folder)}
        async with open_rail(workshop(work, made=made), plugins=PLUGINS, config=config) as rail:
            jobs = await rail.service(Jobs)
            failed = await jobs.enqueue("work", {"page": 1}, ANN)
            async with asyncio.timeout(20):
                while not made or not made[0].ends:
                    await asyncio.sleep(0.02)
            return failed, await jobs.enqueue("work", {}, Call(), delay=3600)

    return asyncio.run(run())


def test_jobs_are_listed_shown_cancelled_and_done_again(dinrail: Program) -> None:
    failed, waiting = fill(dinrail.folder)
    lines = dinrail("jobs", "list").splitlines()
    assert [line.split()[:3] for line in lines] == [
        ["ID", "KIND", "FOR"],
        [waiting, "work", "local/local"],
        [failed, "work", "acme/ann"],
    ]
    assert "failed (file_gone)" in lines[2]
    assert "1/3 pages" in lines[2]
    (told,) = [json.loads(line) for line in dinrail("jobs", "list", "--state", "failed", "--json").splitlines()]
    assert (told["id"], told["tenant"], told["user"], told["payload"]) == (failed, "acme", "ann", {"page": 1})
    shown = dinrail("jobs", "show", failed)
    assert "The file is gone. (file_gone)" in shown
    assert '{"page": 1}' in shown
    assert dinrail("jobs", "cancel", waiting) == f"{waiting} is cancelled.\n"
    assert dinrail("jobs", "retry", failed) == f"{failed} is queued.\n"
    assert json.loads(dinrail("jobs", "show", failed, "--json"))["state"] == "queued"
    assert "no such jobs" in dinrail("jobs", "list", "--kind", "other")
    dinrail("jobs", "show", "job_none", code=1)
    assert "There is no job 'job_none'." in dinrail.complaint


@pytest.mark.slow
async def test_a_worker_does_jobs_until_it_is_told_to_stop(tmp_path: Path) -> None:
    config = {"data_dir": str(tmp_path), "services": {"jobs": {"workers": False}}}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DINRAIL_")}
    # Ended jobs are removed by a job of the engine's own, which only the worker does here.
    environment |= {"DINRAIL_SERVICES__JOBS__KEEP_DAYS": "0.000001", "DINRAIL_SERVICES__JOBS__WORKERS": "false"}
    program = Path(sys.executable).with_name("dinrail")
    async with open_rail(workshop(work), plugins=PLUGINS, config=config) as rail:
        jobs = await rail.service(Jobs)
        await jobs.cancel(await jobs.enqueue("work", {}, ANN), None)
        worker = await asyncio.create_subprocess_exec(
            program, "worker", "--data-dir", tmp_path, stdout=asyncio.subprocess.PIPE, env=environment
        )
        try:
            async with asyncio.timeout(60):
                assert worker.stdout is not None
                assert b"does jobs" in await worker.stdout.readline()
                while await jobs.list(None):
                    await asyncio.sleep(0.05)
                worker.send_signal(signal.SIGTERM)
                assert await worker.wait() == 0
        finally:
            if worker.returncode is None:
                worker.kill()
                await worker.wait()


async def test_the_servers_figures_count_jobs(tmp_path: Path) -> None:
    idle = {"data_dir": str(tmp_path), "services": {"jobs": {"workers": False}}}
    async with open_rail(workshop(work), plugins=PLUGINS, config=idle) as rail:
        await (await rail.service(Jobs)).enqueue("work", {}, ANN)
    config = {"data_dir": str(tmp_path)}
    async with (
        serve(plugins=PLUGINS, config=config) as served,
        aiohttp.ClientSession() as session,
        session.get(f"{served.origin}/metrics") as answer,
    ):
        text = await answer.text()
        assert 'dinrail_job_count{kind="work",state="queued"} 1.0' in text
        assert 'dinrail_periodic_job_failing{kind="jobs.forget"} 0.0' in text


def test_what_nobody_enqueues_is_listed_where_it_is_asked_for(dinrail: Program) -> None:
    fill(dinrail.folder)
    heading, *lines = [line.split() for line in dinrail("jobs", "list", "--periodic").splitlines()]
    assert heading == ["ID", "KIND", "STATE", "LAST", "DONE"]
    (forget,) = [line for line in lines if line[1] == "jobs.forget"]
    assert forget[:3] == ["job_every_jobs.forget", "jobs.forget", "queued"]
    assert forget[3:] in ([str(n), "s", "ago"] for n in range(30))
    assert "due" in dinrail("jobs", "show", forget[0])
    dinrail("jobs", "cancel", forget[0], code=1)
    assert "Nobody has enqueued" in dinrail.complaint
    for limit in ("0", "x", "-1"):
        with pytest.raises(SystemExit):
            main(["jobs", "list", f"--limit={limit}"])
