"""Processor time from nothing to the first good answer."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
    installed = bench.bundle is not None
    subjects = await _installed(bench) if installed else {"relay": bench.relay, "server": bench.server}
    waiting, idle = bench.folder / "waiting-plugins", bench.folder / "idle-providers"
    install_plugins(waiting, "routes")
    install_plugins(idle, "providers")
    server = subjects["server"]
    subjects["waiting"] = server.with_paths("dinrail-waiting-plugins", waiting)
    subjects["idle"] = server.with_paths("dinrail-idle-providers", idle)
    costs = _Costs(await _taken(bench, subjects))
    results = [
        costs.ratio("start", "start to first good answer: CPU", 2.0),
        costs.more("start-plugins", "the same with 50 plugins installed, not enabled: more", "waiting", 0.3),
        costs.more("start-providers", "the same with 50 provider plugins without instances: more", "idle", None),
    ]
    if installed:
        results += [
            costs.share("start-others", "the same with every other plugin of the tree installed: more", "others", 15.0),
            costs.plain("start-bundle", "start with the models of this machine enabled: CPU", "bundle"),
        ]
    return results


async def _taken(bench: Bench, subjects: Mapping[str, Subject]) -> dict[str, list[float]]:
    """What each start cost, in seconds, by the subject's name."""
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
    return costs


@dataclass(frozen=True)
class _Costs:
    """Figures out of what starts cost.

    Attributes:
        seconds: Of each start, by the subject's name.
    """

    seconds: Mapping[str, Sequence[float]]

    def ratio(self, name: str, title: str, limit: float) -> Result:
        """The server as a multiple of the relay."""
        found = [server / relay for server, relay in self._beside("server", "relay")]
        return _result(name, title, "x", limit, found, f"{self._against('server', 'relay')}; rounds {spread(found)}")

    def more(self, name: str, title: str, subject: str, limit: float | None) -> Result:
        """What a subject costs beyond the server, in seconds."""
        found = [other - server for other, server in self._beside(subject, "server")]
        return _result(name, title, "s", limit, found, self._against(subject, "server"))

    def share(self, name: str, title: str, subject: str, limit: float) -> Result:
        """The same in per cent of the server."""
        found = [100 * (other / server - 1) for other, server in self._beside(subject, "server")]
        return _result(name, title, "%", limit, found, self._against(subject, "server"))

    def plain(self, name: str, title: str, subject: str) -> Result:
        """What a subject costs."""
        return _result(name, title, "s", None, self.seconds[subject])

    def _beside(self, one: str, other: str) -> list[tuple[float, float]]:
        return list(zip(self.seconds[one], self.seconds[other], strict=True))

    def _against(self, one: str, other: str) -> str:
        return f"{statistics.median(self.seconds[one]):.2f} s against {statistics.median(self.seconds[other]):.2f} s"


def _result(name: str, title: str, unit: str, limit: float | None, samples: Sequence[float], note: str = "") -> Result:
    median = statistics.median(samples)
    return Result(name=name, title=title, unit=unit, limit=limit, measured=median, note=note, samples=samples)


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
