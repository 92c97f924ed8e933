"""``dinrail jobs list|show|cancel|retry`` and ``dinrail worker``."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, get_args

from dinrail_core.api.jobs import JobState
from dinrail_core.hooks import Command, Rail

if TYPE_CHECKING:
    from dinrail_core.api.jobs import Job

__all__ = ["COMMANDS"]

_JOBS = """\
Work that outlives a request: batches, ingestion, deliveries. Every process that does jobs, on any machine with the same
database, sees what is done here within two seconds.

  dinrail jobs list                          the newest hundred, what became of them, and how far they have come
  dinrail jobs list --state failed --json    for programs: a line of JSON each
  dinrail jobs list --periodic               what nobody enqueues, like sweeps, and when it last had something to do
  dinrail jobs show job_0123…                one of them, with what it was told and why it failed
  dinrail jobs cancel job_0123…              end it, wherever it is being done
  dinrail jobs retry job_0123…               do a failed or cancelled one again; what it has finished is not repeated
"""

_WORKER = """\
Does jobs, and answers no requests: for machines that are to do nothing else, or beside servers that have
'workers = false' in [services.jobs]. It needs the configuration that the servers have, with a database on PostgreSQL
if they are on other machines.

  dinrail worker                             until Ctrl-C or SIGTERM

What it is at when it is stopped goes on in another process, or at the next start.
"""


def _configure_jobs(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list jobs, the newest first")
    listing.add_argument("--kind", help="only of this kind, like 'batch'")
    listing.add_argument("--state", choices=get_args(JobState), help="only in this state")
    listing.add_argument("--periodic", action="store_true", help="what is done again and again, by itself, instead")
    listing.add_argument("--limit", type=_positive, default=100, metavar="N", help="how many at most (default: 100)")
    listing.add_argument("--after", metavar="ID", help="go on behind this job")
    listing.add_argument("--json", action="store_true", help="a line of JSON for each")
    for name, what in (
        ("show", "show one job"),
        ("cancel", "end a job that waits or is being done"),
        ("retry", "do a job again that failed or was cancelled"),
    ):
        action = actions.add_parser(name, help=what)
        action.add_argument("id", metavar="ID", help="the job's id, as 'jobs list' shows it")
        action.add_argument("--json", action="store_true", help="print the job as JSON")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1")
    return int(text)


async def _run_jobs(arguments: argparse.Namespace, rail: Rail) -> int:
    from dinrail_core.api.jobs import Jobs

    jobs = await rail.service(Jobs)
    if arguments.action == "list":
        found = await jobs.list(
            None,
            kind=arguments.kind,
            state=arguments.state,
            periodic=arguments.periodic,
            after=arguments.after,
            limit=arguments.limit,
        )
        _print_list(found, as_json=arguments.json, periodic=arguments.periodic)
        return 0
    if arguments.action == "show":
        job = await jobs.get(arguments.id, None)
    elif arguments.action == "cancel":
        job = await jobs.cancel(arguments.id, None)
    else:
        job = await jobs.retry(arguments.id, None)
    if arguments.json:
        print(_as_json(job))
    elif arguments.action == "show":
        _print_whole(job)
    else:
        print(f"{job.id} is {'being cancelled' if job.cancelling else job.state}.")
    return 0


def _print_list(jobs: Sequence[Job], *, as_json: bool, periodic: bool) -> None:
    if as_json:
        for job in jobs:
            print(_as_json(job))
        return
    if not jobs:
        print("There are no such jobs.")
        return
    rows: list[tuple[str, ...]]
    if periodic:
        rows = [("ID", "KIND", "STATE", "LAST DONE")]
        rows += [(job.id, job.kind, _state(job), _ago(job.ended_at)) for job in jobs]
    else:
        rows = [("ID", "KIND", "FOR", "STATE", "PROGRESS", "AGE")]
        rows += [(job.id, job.kind, _whose(job), _state(job), _progress(job), _age(job.created_at)) for job in jobs]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _print_whole(job: Job) -> None:
    lines = {
        "id": job.id,
        "kind": job.kind,
        "for": _whose(job),
        "state": _state(job),
        "attempt": str(job.attempt),
        "progress": _progress(job),
        "worker": job.worker or "",
        "created": _moment(job.created_at),
        "due": _moment(job.due_at),
        "started": _moment(job.started_at),
        "ended": _moment(job.ended_at),
        "error": f"{job.error['message']} ({job.error['code']})" if job.error else "",
        "payload": json.dumps(job.payload, ensure_ascii=False),
    }
    for name, value in lines.items():
        if value:
            print(f"{name.ljust(9)} {value}")


def _as_json(job: Job) -> str:
    known = asdict(job)
    del known["principal"]
    return json.dumps({**known, "tenant": job.principal.tenant, "user": job.principal.user}, ensure_ascii=False)


def _whose(job: Job) -> str:
    return job.principal.tenant if job.principal.user is None else f"{job.principal.tenant}/{job.principal.user}"


def _state(job: Job) -> str:
    if job.cancelling:
        return "cancelling"
    return f"{job.state} ({job.error['code']})" if job.error and job.state in ("failed", "queued") else job.state


def _progress(job: Job) -> str:
    if job.progress is None:
        return ""
    done, total = job.progress.done, job.progress.total
    return " ".join(part for part in (f"{done}/{total}" if total is not None else str(done), job.progress.note) if part)


def _age(moment: float) -> str:
    seconds = max(0, int(time.time() - moment))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _ago(moment: float | None) -> str:
    return "never" if moment is None else f"{_age(moment)} ago"


def _moment(moment: float | None) -> str:
    return "" if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


async def _run_worker(arguments: argparse.Namespace, rail: Rail) -> int:
    from dinrail_jobs.contract import Worker

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    worker = await rail.service(Worker)
    await worker.work()
    kinds = ", ".join(kind.name for kind in rail.job_kinds() if kind.every is None) or "none yet"
    print(f"Dinrail does jobs (kinds: {kinds}). Ctrl-C stops it.", flush=True)
    await stop.wait()
    return 0


COMMANDS = (
    Command(
        name="jobs",
        summary="look at work that outlives requests, cancel it, do it again",
        description=_JOBS,
        configure=_configure_jobs,
        on_rail=_run_jobs,
    ),
    Command(
        name="worker",
        summary="do jobs, without answering requests",
        description=_WORKER,
        configure=lambda parser: None,
        on_rail=_run_worker,
        serving=True,
    ),
)
