"""Figures: counted in plain Python while requests run, turned into Prometheus' format when somebody asks.

A request costs well under a microsecond here, and prometheus-client is imported with the first look at ``/metrics``.
Where several workers share a port, each leaves its figures in a file that the others add to their own, so that any
worker answers for all of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from dinrail_core import __version__
from dinrail_server.exchange import Usage

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from dinrail_core.api.jobs import JobState

__all__ = ["Figures", "JobFigures", "SharedFigures", "bury", "merge", "render"]

_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)

_MOST_CODES = 200
_MOST_MODELS = 1000
"""Pairs of a model and a key; a client can name any model of an instance that lists none."""


@dataclass(frozen=True, slots=True)
class JobFigures:
    """Jobs of the whole installation.

    Attributes:
        counts: How many there are, by kind and state.
        failing: For each kind of work that nobody enqueues, whether its last attempt has failed.
    """

    counts: Mapping[tuple[str, JobState], int]
    failing: Mapping[str, bool]


class _Histogram:
    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(_BOUNDS) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(_BOUNDS, value)] += 1
        self.total += value


class Figures:
    """What one process counts."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._requests: dict[tuple[str, str, int], int] = {}
        self._seconds: dict[tuple[str, str], _Histogram] = {}
        self._first_bytes: dict[str, _Histogram] = {}
        self._streamed: dict[str, int] = {}
        self._broken: dict[tuple[str, str], int] = {}
        self._tokens: dict[tuple[str, str, str], int] = {}
        self._costs: dict[tuple[str, str], float] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request has been answered.

        Args:
            method: The HTTP method.
            route: The route's path with its parameters' names, so that there are few.
            status: The HTTP status; 499 where the client left first.
            seconds: From the head of the request to the end of the answer.
        """
        key = (method, route, status)
        self._requests[key] = self._requests.get(key, 0) + 1
        found = self._seconds.get((method, route))
        if found is None:
            found = self._seconds[method, route] = _Histogram()
        found.observe(seconds)

    def count_stream(self, route: str, first_byte: float, size: int, error: str | None) -> None:
        """A stream has ended, whole or not.

        Args:
            route: As for :meth:`count`.
            first_byte: Seconds from the head of the request to the first byte.
            size: Bytes.
            error: The code of the error event that it ended with, if it did.
        """
        found = self._first_bytes.get(route)
        if found is None:
            found = self._first_bytes[route] = _Histogram()
        found.observe(first_byte)
        self._streamed[route] = self._streamed.get(route, 0) + size
        if error is not None:
            # A code may be an upstream's own word; no upstream decides how much memory the figures take.
            key = (route, error if len(self._broken) < _MOST_CODES else "other")
            self._broken[key] = self._broken.get(key, 0) + 1

    def count_tokens(self, model: str, key: str, usage: Usage, cost: float | None) -> None:
        """A model has answered.

        Args:
            model: Its whole id.
            key: The caller's credential, as the audit log calls it; empty for the one user of a machine.
            usage: What the answer took.
            cost: What it has cost, where the operator has said what it costs.
        """
        if (model, key, "input") not in self._tokens and len(self._tokens) >= 2 * _MOST_MODELS:
            model, key = "other", "other"
        for direction, count in (("input", usage.input), ("output", usage.output)):
            self._tokens[model, key, direction] = self._tokens.get((model, key, direction), 0) + count
        if cost is not None:
            self._costs[model, key] = self._costs.get((model, key), 0.0) + cost

    def snapshot(self) -> dict[str, Any]:
        """All of it as JSON can say it."""
        return {
            "in_flight": self.in_flight,
            "requests": [[*key, value] for key, value in self._requests.items()],
            "seconds": [[*key, h.counts, h.total] for key, h in self._seconds.items()],
            "first_bytes": [[key, h.counts, h.total] for key, h in self._first_bytes.items()],
            "streamed": [[key, value] for key, value in self._streamed.items()],
            "broken": [[*key, value] for key, value in self._broken.items()],
            "tokens": [[*key, value] for key, value in self._tokens.items()],
            "costs": [[*key, value] for key, value in self._costs.items()],
        }


_COUNTERS = ("requests", "streamed", "broken", "tokens", "costs")
_HISTOGRAMS = ("seconds", "first_bytes")
_DEAD = "dead.json"
_TRIES = 10


class SharedFigures:
    """The figures of workers that share a port, one file each.

    Args:
        folder: Where the files are; the parent process makes and removes it.
        number: Which worker this is; no two ever have the same.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self._folder = folder
        self._file = _file(folder, number)

    def publish(self, own: dict[str, Any]) -> None:
        """Leave this process's snapshot for the others."""
        _write(self._file, own)

    def gather(self, own: dict[str, Any]) -> dict[str, Any]:
        """This process's snapshot with everybody's."""
        for _ in range(_TRIES):
            try:
                dead = _read_dead(self._folder)
                skipped = {self._file.name, _DEAD, *dead["buried"]}
                others = [_read(file) for file in self._folder.glob("*.json") if file.name not in skipped]
            except FileNotFoundError:
                continue  # a worker was buried just now, so the dead have grown
            return merge([own, dead, *others])
        return own


def bury(folder: Path, number: int) -> None:
    """Keep what a worker that has ended counted, so that no counter ever goes back.

    Its file is left out by readers from the moment in which the sum of the dead includes it, so it never counts twice.
    """
    file = _file(folder, number)
    if file.exists():
        grown = merge([_read_dead(folder), _read(file)])
        _write(folder / _DEAD, {**grown, "in_flight": 0, "buried": [file.name]})
        file.unlink()


def merge(snapshots: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The sum of several :meth:`Figures.snapshot`."""
    merged: dict[str, Any] = {"in_flight": sum(snapshot["in_flight"] for snapshot in snapshots)}
    for part in _COUNTERS:
        sums: dict[tuple[Any, ...], float] = {}
        for snapshot in snapshots:
            for *key, value in snapshot[part]:
                sums[tuple(key)] = sums.get(tuple(key), 0) + value
        merged[part] = [[*key, value] for key, value in sums.items()]
    for part in _HISTOGRAMS:
        found: dict[tuple[Any, ...], tuple[list[int], float]] = {}
        for snapshot in snapshots:
            for *key, counts, total in snapshot[part]:
                before, seconds = found.get(tuple(key), ([0] * len(counts), 0.0))
                found[tuple(key)] = [a + b for a, b in zip(before, counts, strict=True)], seconds + total
        merged[part] = [[*key, *value] for key, value in found.items()]
    return merged


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number}.json"


def _write(file: Path, snapshot: dict[str, Any]) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_bytes(orjson.dumps(snapshot))
    fresh.replace(file)


def _read(file: Path) -> dict[str, Any]:
    snapshot: dict[str, Any] = orjson.loads(file.read_bytes())
    return snapshot


def _read_dead(folder: Path) -> dict[str, Any]:
    file = folder / _DEAD
    return _read(file) if file.exists() else {**Figures().snapshot(), "buried": []}


def render(snapshot: dict[str, Any], jobs: JobFigures | None = None) -> bytes:
    """A snapshot in Prometheus' text format, with this process's own use of memory, CPU and files.

    Args:
        snapshot: What :meth:`Figures.snapshot` says.
        jobs: What is known of jobs, where anything is.
    """
    from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest

    registry = CollectorRegistry()
    registry.register(_Collector(snapshot, jobs))
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return generate_latest(registry)


class _Collector:
    """Yields a snapshot as Prometheus' metrics."""

    def __init__(self, snapshot: dict[str, Any], jobs: JobFigures | None) -> None:
        self._snapshot = snapshot
        self._jobs = jobs

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

        yield InfoMetricFamily("dinrail", "What is running.", {"version": __version__})
        yield GaugeMetricFamily(
            "dinrail_requests_in_flight", "Requests that are being answered.", self._snapshot["in_flight"]
        )
        yield self._counter("dinrail_requests", "requests", ["method", "route", "status"], "Requests answered.")
        yield self._histogram(
            "dinrail_request_seconds", "seconds", ["method", "route"], "From the request's head to the answer's end."
        )
        yield self._histogram(
            "dinrail_first_byte_seconds", "first_bytes", ["route"], "From the request's head to a stream's first byte."
        )
        yield self._counter("dinrail_streamed_bytes", "streamed", ["route"], "Bytes of streams.")
        yield self._counter(
            "dinrail_tokens", "tokens", ["model", "key", "direction"], "Tokens of requests and answers, some estimated."
        )
        yield self._counter("dinrail_cost", "costs", ["model", "key"], "What answers have cost, by configured prices.")
        yield self._counter(
            "dinrail_stream_errors", "broken", ["route", "code"], "Streams that ended with an error event."
        )
        if self._jobs is not None:
            yield from self._of_jobs(self._jobs)

    @staticmethod
    def _of_jobs(jobs: JobFigures) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily

        counts = GaugeMetricFamily(
            "dinrail_job_count", "Jobs of the whole installation, by what has become of them.", labels=["kind", "state"]
        )
        for (kind, state), count in sorted(jobs.counts.items()):
            counts.add_metric([kind, state], count)
        yield counts
        failing = GaugeMetricFamily(
            "dinrail_periodic_job_failing",
            "Whether work that nobody enqueues has failed when it was last tried.",
            labels=["kind"],
        )
        for kind, fails in sorted(jobs.failing.items()):
            failing.add_metric([kind], int(fails))
        yield failing

    def _counter(self, name: str, part: str, labels: list[str], help_text: str) -> Metric:
        from prometheus_client.core import CounterMetricFamily

        family = CounterMetricFamily(name, help_text, labels=labels)
        for *label, value in sorted(self._snapshot[part]):
            family.add_metric([str(step) for step in label], value)
        return family

    def _histogram(self, name: str, part: str, labels: list[str], help_text: str) -> Metric:
        from prometheus_client.core import HistogramMetricFamily

        family = HistogramMetricFamily(name, help_text, labels=labels)
        for *label, counts, total in sorted(self._snapshot[part]):
            running, buckets = 0, []
            for bound, count in zip((*_BOUNDS, float("inf")), counts, strict=True):
                running += count
                buckets.append((_bound(bound), running))
            family.add_metric(label, buckets, total)
        return family


def _bound(value: float) -> str:
    """A bucket's upper bound as Prometheus writes it."""
    return "+Inf" if value == float("inf") else str(value)
