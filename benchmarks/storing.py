"""What keeping one object costs a request."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.bench import Bench, spread
from benchmarks.loads import Chat, Load
from benchmarks.report import Result
from benchmarks.storing_loads import StoreCompletion, StoreConversation, StoreItem, StorePrompt
from benchmarks.subjects import Subject, dinrail

__all__ = ["STORING", "measure_store"]

_CLIENTS = 16
_AMOUNT = 150
_LIMIT = 0.3
_KEEPERS = ("prompts", "conversations")
_FORGETFUL = "forgetful"


@dataclass(frozen=True)
class _Storing:
    """A figure.

    Attributes:
        name: What ``--only`` takes.
        what: The object that is stored.
        load: Requests that store one each.
        without: The same requests as they are when nothing is to be stored; the same ones, where a service answers them
            that keeps nothing.
    """

    name: str
    what: str
    load: Load
    without: Load


def _same(name: str, what: str, load: Load) -> _Storing:
    return _Storing(name, what, load, load)


_FIGURES = (
    _same("store", "a prompt", StorePrompt(_CLIENTS, _AMOUNT)),
    _same("store-conversation", "a conversation with an item", StoreConversation(_CLIENTS, _AMOUNT)),
    _same("store-item", "an item of a conversation", StoreItem(_CLIENTS, _AMOUNT)),
    _Storing("store-completion", "a chat completion", StoreCompletion(_CLIENTS, _AMOUNT), Chat(_CLIENTS, _AMOUNT)),
)
STORING = tuple(figure.name for figure in _FIGURES)


async def measure_store(bench: Bench, wanted: Sequence[str]) -> list[Result]:
    """Processor time that one stored object adds to a request.

    The yardstick is the same server, route and request with a service in the place of the real one that answers without
    keeping anything (for chat completions: the same chat without ``store``), so all that differs is what keeping costs:
    the transaction, the disk, the threads. Both take their turns as in :mod:`benchmarks.throughput`.
    """
    if bench.bundle is None:
        return []  # something else than our server is measured, and nobody knows what it keeps
    keeping = dinrail(bench.upstream, bench.folder, name="keeping", data="keeping-data")
    forgetful = _forgetful(bench)
    figures = [_scaled(figure, bench) for figure in _FIGURES if figure.name in wanted]
    costs: dict[str, list[tuple[float, float]]] = {figure.name: [] for figure in figures}
    for number in range(bench.rounds):
        async with AsyncExitStack() as stack:
            without = await stack.enter_async_context(forgetful.start(bench.folder))
            kept = await stack.enter_async_context(keeping.start(bench.folder))
            for figure in figures:
                turns: dict[int, list[float]] = {without.pid: [], kept.pid: []}
                loads = {without.pid: figure.without, kept.pid: figure.load}
                for process in (without, kept):
                    load = loads[process.pid]
                    await replace(load, amount=max(3, load.amount // 10)).run(process.url)
                for process in (without, kept, kept, without) * 2:
                    before = process.cpu()
                    units = await loads[process.pid].run(process.url)
                    turns[process.pid].append((process.cpu() - before) / units * 1000)
                cost = (statistics.fmean(turns[without.pid]), statistics.fmean(turns[kept.pid]))
                costs[figure.name].append(cost)
                bench.say(f"round {number + 1}: {figure.name} {cost[1] - cost[0]:.3f} ms more")
    return [_result(figure, costs[figure.name]) for figure in figures]


def _scaled(figure: _Storing, bench: Bench) -> _Storing:
    load, without = (replace(one, amount=bench.amount(one.amount)) for one in (figure.load, figure.without))
    return replace(figure, load=load, without=without)


def _result(figure: _Storing, costs: Sequence[tuple[float, float]]) -> Result:
    added = [kept - without for without, kept in costs]
    base, whole = (statistics.median(column) for column in zip(*costs, strict=True))
    return Result(
        name=figure.name,
        title=f"storing {figure.what} in a request, {_CLIENTS} clients: CPU added",
        unit="ms",
        limit=_LIMIT,
        measured=statistics.median(added),
        note=f"{whole:.3f} ms against {base:.3f} ms where nothing is kept; rounds {spread(added)}",
        samples=added,
    )


def _forgetful(bench: Bench) -> Subject:
    folder = bench.folder / "forgetful"
    _install(folder)
    subject = dinrail(bench.upstream, bench.folder, name="forgetful-server", enable=[_FORGETFUL], disable=_KEEPERS)
    return subject.with_paths("forgetful-server", folder)


def _install(folder: Path) -> None:
    metadata = folder / "forgetful-1.0.0.dist-info"
    metadata.mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("forgetful.py"), folder / "dinrail_forgetful.py")
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {_FORGETFUL}\nVersion: 1.0.0\n")
    (metadata / "entry_points.txt").write_text(
        f"[dinrail]\n{_FORGETFUL} = dinrail_forgetful\n\n[dinrail.extends]\nservices = dinrail_forgetful\n"
    )
