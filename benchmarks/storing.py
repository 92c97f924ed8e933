"""What keeping one object costs a request."""

from __future__ import annotations

import statistics
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.bench import Bench, spread
from benchmarks.loads import StorePrompt
from benchmarks.report import Result
from benchmarks.subjects import Subject, dinrail

__all__ = ["measure_store"]

_CLIENTS = 16
_AMOUNT = 150
_KEEPER = "prompts"
_FORGETFUL = "forgetful-prompts"

_DECLARATION = '''\
"""Prompts that are answered as if they were kept."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from dinrail_core.api.answers import Answer
from dinrail_core.api.prompts import CreatePrompt, Prompt, Prompts, check_variables
from dinrail_core.hooks import Context, ServiceType, hookimpl
from pydantic import BaseModel

DINRAIL_API = ">=1.0,<2"


class Config(BaseModel, extra="forbid"):
    pass


class Forgetful(Prompts):
    async def create(self, request: CreatePrompt, call: Any) -> Answer[Prompt]:
        variables = list(dict.fromkeys(request.variables))
        check_variables(request.prompt, variables)
        key = f"pmpt_{os.urandom(24).hex()}"
        return Answer.of(
            Prompt(prompt=request.prompt, version=1, prompt_id=key, variables=variables, is_default=True)
        )

    async def _nothing(self, *arguments: Any) -> Any:
        raise NotImplementedError

    list = get = versions = update = set_default = delete = _nothing


@asynccontextmanager
async def _open(config: Config, context: Context) -> AsyncIterator[object]:
    yield Forgetful()


@hookimpl
def dinrail_services() -> Iterable[ServiceType]:
    yield ServiceType(name="forgetful-prompts", config=Config, provides=frozenset({Prompts}), open=_open)
'''


async def measure_store(bench: Bench) -> list[Result]:
    """Processor time that one stored object adds to a request.

    The yardstick is the same server, route and request with a service in the place of the real one that answers without
    keeping anything, so all that differs is what keeping costs: the transaction, the disk, the threads. Both take their
    turns as in :mod:`benchmarks.throughput`.
    """
    if bench.bundle is None:
        return []  # something else than our server is measured, and nobody knows what it keeps
    keeping = dinrail(bench.upstream, bench.folder, name="keeping", data="keeping-data")
    forgetful = _forgetful(bench)
    costs: list[tuple[float, float]] = []
    load = StorePrompt(_CLIENTS, bench.amount(_AMOUNT))
    for number in range(bench.rounds):
        async with AsyncExitStack() as stack:
            without = await stack.enter_async_context(forgetful.start(bench.folder))
            kept = await stack.enter_async_context(keeping.start(bench.folder))
            for process in (without, kept):
                await StorePrompt(_CLIENTS, max(3, load.amount // 10)).run(process.url)
            turns: dict[int, list[float]] = {without.pid: [], kept.pid: []}
            for process in (without, kept, kept, without) * 2:
                before = process.cpu()
                units = await load.run(process.url)
                turns[process.pid].append((process.cpu() - before) / units * 1000)
            costs.append((statistics.fmean(turns[without.pid]), statistics.fmean(turns[kept.pid])))
            bench.say(f"round {number + 1}: store {costs[-1][1] - costs[-1][0]:.3f} ms more")
    added = [kept - without for without, kept in costs]
    base, whole = (statistics.median(column) for column in zip(*costs, strict=True))
    return [
        Result(
            name="store",
            title="storing one object in a request, 16 clients: CPU added",
            unit="ms",
            limit=0.3,
            measured=statistics.median(added),
            note=f"{whole:.3f} ms against {base:.3f} ms where nothing is kept; rounds {spread(added)}",
            samples=added,
        )
    ]


def _forgetful(bench: Bench) -> Subject:
    folder = bench.folder / "forgetful"
    _install(folder)
    subject = dinrail(bench.upstream, bench.folder, name="forgetful-server", enable=[_FORGETFUL], disable=[_KEEPER])
    return subject.with_paths("forgetful-server", folder)


def _install(folder: Path) -> None:
    metadata = folder / "forgetful_prompts-1.0.0.dist-info"
    metadata.mkdir(parents=True)
    (folder / "forgetful_prompts.py").write_text(_DECLARATION)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {_FORGETFUL}\nVersion: 1.0.0\n")
    (metadata / "entry_points.txt").write_text(
        f"[dinrail]\n{_FORGETFUL} = forgetful_prompts\n\n[dinrail.extends]\nservices = forgetful_prompts\n"
    )
