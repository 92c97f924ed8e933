"""What a search costs in the vector index that is there without configuration, and whether it finds the nearest."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

import numpy as np

from benchmarks.bench import Bench, spread
from benchmarks.report import Result
from dinrail_core.api.vector_index import VectorHit, VectorIndex, VectorRecord
from dinrail_sdk.testing import open_rail
from dinrail_sdk.vectors.buffers import Floats

__all__ = ["SEARCHES", "measure_search"]

SEARCHES = {"search-10k": (10_000, 6.0), "search-100k": (100_000, 40.0)}
"""How many vectors, and how many milliseconds of processor time a search among them may take."""

_DEFAULT = "sqlite-vec"
_DIMENSION = 1024
_QUERIES = 20
_LIMIT = 10
_AT_ONCE = 1000


async def measure_search(bench: Bench, name: str) -> list[Result]:
    """Processor time of this process for a search of the nearest ten, and how many of them brute force finds too.

    The first search reads the vectors; it is told, and not counted.
    """
    most, limit = SEARCHES[name]
    count = bench.amount(most)
    numbers = np.random.default_rng(7)
    async with open_rail(plugins=[_DEFAULT]) as rail:
        index = (await rail.instance(VectorIndex)).provider
        await index.create("benchmark", _DIMENSION)
        rows: Floats = np.empty((count, _DIMENSION), dtype=np.float32)
        began = time.process_time()
        for start in range(0, count, _AT_ONCE):
            stop = min(count, start + _AT_ONCE)
            rows[start:stop] = numbers.standard_normal((stop - start, _DIMENSION))
            await index.upsert(
                "benchmark",
                [VectorRecord(f"r{at}", f"f{at // 20}", rows[at].tobytes(), {"n": at}) for at in range(start, stop)],
            )
        ingested = (time.process_time() - began) / count
        queries = [numbers.standard_normal(_DIMENSION).astype(np.float32) for _ in range(_QUERIES)]
        began = time.process_time()
        await index.search("benchmark", queries[0].tobytes(), _LIMIT)
        first = time.process_time() - began
        samples, found = [], list[Sequence[VectorHit]]()
        for number in range(bench.rounds):
            began = time.process_time()
            found = [await index.search("benchmark", query.tobytes(), _LIMIT) for query in queries]
            samples.append((time.process_time() - began) / _QUERIES * 1000)
            bench.say(f"round {number + 1}: {name} {samples[-1]:.2f} ms")
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    right = [set(np.argsort(rows @ query)[-_LIMIT:].tolist()) for query in queries]
    hits = [{int(hit.id[1:]) for hit in one} for one in found]
    recall = sum(len(one & other) for one, other in zip(right, hits, strict=True)) / (_LIMIT * _QUERIES)
    return [
        Result(
            name=name,
            title=f"searching {count:,} vectors of {_DIMENSION} numbers",
            unit="ms",
            limit=limit,
            measured=statistics.median(samples) if recall == 1.0 else None,
            note=f"recall {recall:g}; {spread(samples)} ms; the first search {first * 1000:.0f} ms, "
            f"putting in {ingested * 1e6:.0f} µs a vector",
            samples=samples,
        )
    ]
