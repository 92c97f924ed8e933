"""Processor time from nothing to the first good answer."""

from __future__ import annotations

import statistics

from benchmarks.bench import Bench, spread
from benchmarks.loads import first_answer
from benchmarks.many_plugins import install_plugins
from benchmarks.report import Result

__all__ = ["measure_start"]


async def measure_start(bench: Bench) -> list[Result]:
    """Processor time from nothing to the first good answer, with and without many plugins lying about.

    The first start of each is not counted: it writes byte code.
    """
    waiting, idle = bench.folder / "waiting-plugins", bench.folder / "idle-providers"
    install_plugins(waiting, "routes")
    install_plugins(idle, "providers")
    subjects = {
        "relay": bench.relay,
        "server": bench.server,
        "waiting": bench.server.with_paths("dinrail-waiting-plugins", waiting),
        "idle": bench.server.with_paths("dinrail-idle-providers", idle),
    }
    if bench.bundle is not None:
        subjects["bundle"] = bench.bundle
    costs: dict[str, list[float]] = {name: [] for name in subjects}
    for number in range(bench.rounds + 1):
        # Every other round the other way round, so that drift within a round favours nobody.
        for name, subject in list(subjects.items())[:: 1 if number % 2 else -1]:
            async with subject.start(bench.folder) as process:
                await first_answer(process.url)
                if number > 0:
                    costs[name].append(process.cpu())
        if number > 0:
            bench.say(f"round {number}: start " + ", ".join(f"{name} {c[-1]:.2f} s" for name, c in costs.items()))
    ratios = [server / relay for server, relay in zip(costs["server"], costs["relay"], strict=True)]
    medians = {name: statistics.median(values) for name, values in costs.items()}

    def more(name: str) -> list[float]:
        return [other - server for other, server in zip(costs[name], costs["server"], strict=True)]

    results = [
        Result(
            name="start",
            title="start to first good answer: CPU",
            unit="x",
            limit=2.0,
            measured=statistics.median(ratios),
            note=f"{medians['server']:.2f} s against {medians['relay']:.2f} s; rounds {spread(ratios)}",
            samples=ratios,
        ),
        Result(
            name="start-plugins",
            title="the same with 50 plugins installed, not enabled: more",
            unit="s",
            limit=0.3,
            measured=statistics.median(more("waiting")),
            note=f"{medians['waiting']:.2f} s against {medians['server']:.2f} s",
            samples=more("waiting"),
        ),
        Result(
            name="start-providers",
            title="the same with 50 provider plugins without instances: more",
            unit="s",
            limit=None,
            measured=statistics.median(more("idle")),
            note=f"{medians['idle']:.2f} s against {medians['server']:.2f} s",
            samples=more("idle"),
        ),
    ]
    if bench.bundle is not None:
        results.append(
            Result(
                name="start-bundle",
                title="start with the models of this machine enabled: CPU",
                unit="s",
                limit=None,
                measured=medians["bundle"],
                samples=costs["bundle"],
            )
        )
    return results
