"""Cases about how an index behaves: restarts, other processes, calls at once, names, the event loop."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from dinrail_core.api.vector_index import MAX_LIMIT, VectorIndex
from dinrail_core.errors import UnsupportedFeature
from dinrail_core.hooks.context import Context
from dinrail_sdk.testing.bench import Bench, EmptyRail, expect
from dinrail_sdk.testing.suite import case
from dinrail_sdk.testing.suites.conduct import BLOCK_LIMIT
from dinrail_sdk.testing.suites.vector_search import DIMENSION, VectorSuite, fresh
from dinrail_sdk.testing.vector_process import Errand, in_another_process
from dinrail_sdk.testing.vector_samples import assert_nearest, comparison, packed, random_vector, records_of
from dinrail_sdk.testing.watchdog import LoopWatch

__all__ = ["VectorConductCases"]


class VectorConductCases(VectorSuite):
    """How an index behaves."""

    @case(unscripted=True)
    async def test_restart(self, bench: Bench) -> None:
        """What was put in, changed and deleted is so after a restart.

        Troubleshooting: the engine writes when it likes, or when it is closed; what memory holds has to be read again.
        """
        index, collection = await fresh(bench)
        source = random.Random(21)  # noqa: S311  # the same vectors every time
        records = records_of([random_vector(source, DIMENSION) for _ in range(30)], lambda number: {"n": number})
        await index.upsert(collection, records)
        await index.delete(collection, ["chunk-1"])
        await index.set_attributes(collection, "file-2", {"changed": "yes"})
        await bench.close()
        left = [replace(one, attributes={"changed": "yes"}) if one.file_id == "file-2" else one for one in records]
        left.pop(1)
        async with self._opened(bench) as again:
            assert await again.count(collection) == 29
            wanted = random_vector(source, DIMENSION)
            for filter in (None, comparison("eq", "changed", "yes"), comparison("gte", "n", 20)):
                assert_nearest(await again.search(collection, wanted, 50, filter), left, wanted, 50, filter)
            await again.upsert(collection, [records[1]])
            assert await again.count(collection) == 30

    @case("durable", unscripted=True)
    async def test_killed(self, bench: Bench) -> None:
        """What a call had stored when it returned is there after the process was killed, and the index works.

        Troubleshooting: make the engine write it down (``flush``, ``fsync``, a commit) before the method returns.
        """
        _, collection = await fresh(bench)
        await bench.close()
        source = random.Random(22)  # noqa: S311  # the same vectors every time
        records = records_of([random_vector(source, DIMENSION) for _ in range(40)])
        upserts = [records[start : start + 10] for start in range(0, 40, 10)]
        await in_another_process(self._errand(bench, collection, upserts=upserts, deletes=["chunk-7"], dies=True))
        left = [record for record in records if record.id != "chunk-7"]
        async with self._opened(bench) as again:
            wanted = random_vector(source, DIMENSION)
            assert await again.count(collection) == 39
            assert_nearest(await again.search(collection, wanted, 50), left, wanted, 50)

    @case("two_processes", unscripted=True)
    async def test_another_process(self, bench: Bench) -> None:
        """What another process puts in and deletes counts here as soon as its call has returned.

        Troubleshooting: something in memory has to notice that another process has written; an engine that locks its
        files serves one process only, and the suite is told so: ``unsupported = {"two_processes": "why"}``.
        """
        index, collection = await fresh(bench)
        source = random.Random(23)  # noqa: S311  # the same vectors every time
        records = records_of([random_vector(source, DIMENSION) for _ in range(30)])
        await index.upsert(collection, records[:10])
        wanted = random_vector(source, DIMENSION)
        assert_nearest(await index.search(collection, wanted, 50), records[:10], wanted, 50)
        await in_another_process(self._errand(bench, collection, upserts=[records[10:]], deletes=["chunk-0"]))
        assert await index.count(collection) == 29
        assert_nearest(await index.search(collection, wanted, 50), records[1:], wanted, 50)

    @case("two_processes", unscripted=True)
    async def test_two_processes_write(self, bench: Bench) -> None:
        """Two processes that write at once lose nothing of each other.

        Troubleshooting: one overwrites what the other has written since it looked; wait for the lock, do not fail.
        """
        index, collection = await fresh(bench)
        source = random.Random(24)  # noqa: S311  # the same vectors every time
        records = records_of([random_vector(source, DIMENSION) for _ in range(200)])
        theirs = [records[start : start + 5] for start in range(100, 200, 5)]

        async def write() -> None:
            for start in range(0, 100, 5):
                await index.upsert(collection, records[start : start + 5])

        await asyncio.gather(write(), in_another_process(self._errand(bench, collection, upserts=theirs)))
        assert await index.count(collection) == 200
        wanted = random_vector(source, DIMENSION)
        assert_nearest(await index.search(collection, wanted, 200), records, wanted, 200)

    @case(unscripted=True)
    async def test_at_once(self, bench: Bench) -> None:
        """Many calls at once do what they would do one after the other.

        Troubleshooting: an engine that is not to be used from several threads needs one of its own
        (:class:`dinrail_sdk.vectors.lane.Lane`).
        """
        index, collection = await fresh(bench)
        source = random.Random(25)  # noqa: S311  # the same vectors every time
        records = records_of([random_vector(source, DIMENSION) for _ in range(120)])
        wanted = random_vector(source, DIMENSION)
        writes = [index.upsert(collection, records[start : start + 10]) for start in range(0, 120, 10)]
        searches = [index.search(collection, wanted, 10) for _ in range(12)]
        await asyncio.gather(*(one for pair in zip(writes, searches, strict=True) for one in pair))
        deletes = [index.delete(collection, [f"chunk-{number}"]) for number in range(0, 120, 2)]
        await asyncio.gather(*deletes)
        left = records[1::2]
        assert await index.count(collection) == 60
        found = await asyncio.gather(*(index.search(collection, wanted, 60) for _ in range(4)))
        for hits in found:
            assert_nearest(hits, left, wanted, 60)

    @case(unscripted=True)
    async def test_cancelled(self, bench: Bench) -> None:
        """A call that is cancelled ends within a second, and the index works on.

        Troubleshooting: a lock that the cancelled call holds is never released.
        """
        index, collection = await fresh(bench)
        records = records_of([packed([1.0] * DIMENSION)] * 50)
        await index.upsert(collection, records)
        wanted = packed([1.0] * DIMENSION)
        for rounds in (0, 1, 5):
            tasks = [
                asyncio.ensure_future(index.search(collection, wanted, 5)),
                asyncio.ensure_future(index.upsert(collection, records[:20])),
            ]
            for _ in range(rounds):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            _, still = await asyncio.wait(tasks, timeout=1.0)
            assert not still, "A call that was cancelled has not ended after a second."
        assert await index.count(collection) == 50
        assert_nearest(await index.search(collection, wanted, 50), records, wanted, 50)

    @case(unscripted=True)
    async def test_names(self, bench: Bench) -> None:
        """Names, limits and dimensions that are none are refused before anything happens.

        Troubleshooting: call ``check_collection``, ``check_limit`` and ``check_dimension`` first.
        """
        index: VectorIndex = bench.provider
        for name in ("", "x", "../../etc", "Upper_case", "with-dash", "a b", 'quo"te', "a" * 64, "1st", "nul\x00"):
            with pytest.raises(ValueError, match="name of a collection"):
                await index.create(name, 3)
            with pytest.raises(ValueError, match="name of a collection"):
                await index.search(name, packed([1.0, 2.0, 3.0]), 3)
        _, collection = await fresh(bench)
        for limit in (0, -1, MAX_LIMIT + 1):
            with pytest.raises(ValueError, match="limit"):
                await index.search(collection, packed([1.0] * DIMENSION), limit)
        for dimension in (0, -1, 1_000_000):
            await expect(index.create("kit_other", dimension), UnsupportedFeature, after=f"{dimension} dimensions")

    @case(unscripted=True)
    async def test_loop_stays_free(self, bench: Bench) -> None:
        """The event loop is never kept from running for more than 50 ms.

        Troubleshooting: the stack shows what ran. An engine in this process belongs in a thread
        (:class:`dinrail_sdk.vectors.lane.Lane`).
        """
        index, collection = await fresh(bench, 64)
        source = random.Random(26)  # noqa: S311  # the same vectors every time
        records = records_of([random_vector(source, 64) for _ in range(500)], lambda number: {"n": number})
        await index.upsert(collection, records[:1])
        await index.search(collection, records[0].vector, 1)  # whatever is loaded at first use is loaded now
        found: list[LoopWatch] = []
        for start in (0, 150, 300):  # a busy machine can stop any thread for a while; one that blocks does so each time
            async with LoopWatch() as watch:
                await index.upsert(collection, records[start : start + 150])
                await index.search(collection, records[0].vector, 100, comparison("gte", "n", 10))
            if watch.longest <= BLOCK_LIMIT:
                return
            found.append(watch)
        least = min(found, key=lambda watch: watch.longest)
        raise AssertionError(f"The event loop was kept from running for {least.longest * 1000:.0f} ms:\n{least.where}")

    @case(unscripted=True)
    async def test_closing(self, bench: Bench) -> None:
        """Closing ends its tasks.

        Troubleshooting: cancel and await the tasks that you started inside ``open``.
        """
        index, collection = await fresh(bench)
        await index.upsert(collection, records_of([packed([1.0] * DIMENSION)]))
        await bench.close()
        if bench.tasks:
            await asyncio.wait(bench.tasks, timeout=1.0)
        assert not bench.tasks, f"Tasks of the provider still run 1 s after it was closed: {bench.tasks}"

    def _errand(self, bench: Bench, collection: str, **what: object) -> Errand:
        return Errand(self.provider, bench.config, bench.folder, collection, **what)  # type: ignore[arg-type]  # of an errand

    @asynccontextmanager
    async def _opened(self, bench: Bench) -> AsyncIterator[VectorIndex]:
        """The index once more, as after a restart."""
        context = Context(name="kit", data_dir=bench.folder, rail=EmptyRail())
        async with self.provider.open(bench.config, context) as index:
            assert isinstance(index, VectorIndex)
            yield index
