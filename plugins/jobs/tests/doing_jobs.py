"""A process that does jobs, run by tests that kill and stop it: ``doing_jobs.py CONFIG LOG``.

A job has steps, and a step lasts a while; each leaves its lines in the log, which all processes share.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from functools import partial
from pathlib import Path

from dinrail_core.api.jobs import JobRun, Jobs
from dinrail_sdk.testing import open_rail
from dinrail_sdk.testing.workshop import Workshop, workshop

PLUGINS = ("database", "jobs")


def write(what: str, run: JobRun, name: str) -> None:
    """A line, whole or not at all, in the order of all processes' lines."""
    line = json.dumps({"what": what, "job": run.id, "step": name, "pid": os.getpid()}) + "\n"
    file = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, line.encode())
    os.close(file)


async def do_step(run: JobRun, name: str, key: str) -> int:
    write("begun", run, name)
    try:
        await asyncio.sleep(run.payload["seconds"])
    except asyncio.CancelledError:
        write("cancelled" if run.cancelled else "broken off", run, name)
        raise
    write("done", run, name)
    return os.getpid()


async def work(shop: Workshop, run: JobRun) -> None:
    for number in range(run.payload["steps"]):
        name = f"step-{number}"
        await run.step(name, partial(do_step, run, name))
        write("recorded", run, name)
    write("finished", run, "")


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    config = json.loads(Path(sys.argv[1]).read_text())
    async with open_rail(workshop(work), plugins=PLUGINS, config=config) as rail:
        await rail.service(Jobs)
        print("ready", flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
