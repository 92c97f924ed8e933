"""Processor time from nothing to the first good answer."""

from __future__ import annotations

import asyncio
import statistics

from benchmarks.bench import Bench, spread
from benchmarks.environments import install_bundle, install_other_plugins
from benchmarks.loads import first_answer
from benchmarks.many_plugins import install_plugins
from benchmarks.report import Result
from benchmarks.subjects import Subject, bare_relay, dinrail

__all__ = ["measure_start"]


async def measure_start(bench: Bench) -> list[Result]:
    """Processor time from nothing to the first good answer, with and without many plugins lying about.

    The first start of each is not counted: it writes byte code.
    """
    subjects = {"relay": bench.relay, "server": bench.server}
    if bench.bundle is not None:
        subjects = await _installed(bench)
    waiting, idle = bench.folder / "waiting-plugins", bench.folder / "idle-providers"
    install_plugins(waiting, "routes")
    install_plugins(idle, "providers")
    server = subjects["server"]
    subjects["waiting"] = server.with_paths("dinrail-waiting-plugins", waiting)
    subjects["idle"] = server.with_paths("dinrail-idle-providers", idle)
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
    if "others" in subjects:
        costs_of_all = [other / server - 1 for other, server in zip(costs["others"], costs["server"], strict=True)]
        results.append(
            Result(
                name="start-others",
                title="the same with every other plugin of the tree installed: more",
                unit="%",
                limit=15.0,
                measured=100 * statistics.median(costs_of_all),
                note=f"{medians['others']:.2f} s against {medians['server']:.2f} s",
                samples=costs_of_all,
            )
        )
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


async def _installed(bench: Bench) -> dict[str, Subject]:
    """What is started as people have it: from the bundle's wheels, in an environment that has never seen the tree."""
    bench.say("building and installing the bundle")
    programs = await asyncio.to_thread(install_bundle, bench.folder)
    others = await asyncio.to_thread(install_other_plugins, bench.folder, programs)
    server = dinrail(bench.upstream, bench.folder, name="installed", programs=programs)
    return {
        "relay": bare_relay(bench.upstream, programs),
        "server": server,
        "others": server.with_paths("installed-others", others),
        "bundle": dinrail(bench.upstream, bench.folder, name="installed-bundle", programs=programs, local_models=True),
    }
