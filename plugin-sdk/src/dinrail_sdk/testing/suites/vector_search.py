"""Cases about what is found: exactness, updates, deletes, collections."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import ClassVar

from dinrail_core.api.vector_index import VectorIndex, VectorRecord
from dinrail_core.errors import Conflict, InvalidRequest, NotFound
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.testing.bench import Bench, expect
from dinrail_sdk.testing.suite import Suite, case
from dinrail_sdk.testing.vector_samples import assert_nearest, nearest, packed, random_vector, records_of

__all__ = ["DIMENSION", "ESSENTIAL", "VectorSearchCases", "VectorSuite", "fresh"]

DIMENSION = 12
MANY = 10_000
UNKNOWN = "no_such_collection"
ESSENTIAL = frozenset(
    {
        *("declared", "nearest", "replaced", "deleted", "created_again", "dropped", "unknown_collection", "dimension"),
        *("filter_meanings", "filter_far_away", "attributes_changed", "restart", "names", "closing"),
    }
)
"""What every run looks at where the whole suite takes long."""


async def fresh(bench: Bench, dimension: int = DIMENSION) -> tuple[VectorIndex, str]:
    """The index, and a new collection in it."""
    index: VectorIndex = bench.provider
    collection = new_id("kit_")
    await index.create(collection, dimension)
    return index, collection


class VectorSuite(Suite):
    """The base of the cases about vector indexes.

    Attributes:
        recall: Which share of the nearest ten it finds among ten thousand, at least: 1.0 for an index that looks at
            every vector.
        many_dimension: Of the vectors of that case.
        every_run: Cases that belong to every run, where the whole suite takes long; the others are marked ``soak`` by
            :func:`dinrail_sdk.testing.vector_runs.pytest_collection_modifyitems`.
    """

    dialect: ClassVar[None] = None
    case_limit: ClassVar[float] = 100.0  # libraries that take seconds to load, twice where there are two processes
    recall: ClassVar[float] = 1.0
    many_dimension: ClassVar[int] = 32
    every_run: ClassVar[frozenset[str] | None] = None


class VectorSearchCases(VectorSuite):
    """What a search finds."""

    @case(unscripted=True)
    async def test_declared(self, bench: Bench) -> None:
        """What opens is a ``VectorIndex``, and the record says so.

        Troubleshooting: add ``VectorIndex`` to ``apis`` and to the bases of the provider's class.
        """
        assert VectorIndex in self.provider.apis, f"`apis` of {self.provider.name!r} lacks VectorIndex."
        assert isinstance(bench.provider, VectorIndex), "What opens is no VectorIndex, as `apis` says."

    @case(unscripted=True)
    async def test_nearest(self, bench: Bench) -> None:
        """A search finds the nearest by cosine, the nearest first, with file and similarity, as many as are wanted.

        Troubleshooting: the engine's distance is another (Euclidean, the inner product of vectors of any length), or is
        not turned into a cosine (most engines give ``1 - cosine``).
        """
        index, collection = await fresh(bench)
        source = random.Random(1)  # noqa: S311  # the same vectors every time
        records = records_of([random_vector(source, DIMENSION) for _ in range(200)])
        await index.upsert(collection, records)
        for limit in (1, 2, 10, 150, 200, 1000):
            wanted = random_vector(source, DIMENSION)
            assert_nearest(await index.search(collection, wanted, limit), records, wanted, limit)

    @case(unscripted=True)
    async def test_length_does_not_count(self, bench: Bench) -> None:
        """Vectors of any length are compared by direction, the tiniest and the largest too.

        Troubleshooting: bring vectors to length 1 in 64 bits before the engine gets them
        (:func:`dinrail_sdk.vectors.buffers.units`); the square of 1e30 does not fit into 32.
        """
        index, collection = await fresh(bench, 3)
        scales = (1.0, 1e30, 1e-30, 1e-38, 3e38, 1e-3)
        directions = ((1.0, 0.0, 0.0), (0.9, 0.1, 0.0), (0.5, 0.5, 0.0), (0.0, 1.0, 0.0), (0.0, 0.1, 1.0), (-1.0, 0, 0))
        records = records_of([packed(x * scale for x in one) for one, scale in zip(directions, scales, strict=True)])
        await index.upsert(collection, records)
        for scale in scales:
            wanted = packed((scale, 0.0, 0.0))
            assert_nearest(await index.search(collection, wanted, 6), records, wanted, 6)

    @case(unscripted=True)
    async def test_equal_vectors(self, bench: Bench) -> None:
        """Records with one and the same vector are all found.

        Troubleshooting: results are kept by distance or by content somewhere, and not by id.
        """
        index, collection = await fresh(bench)
        vector = packed(range(1, DIMENSION + 1))
        records = records_of([vector] * 40)
        await index.upsert(collection, records)
        assert_nearest(await index.search(collection, vector, 40), records, vector, 40)

    @case(unscripted=True)
    async def test_empty(self, bench: Bench) -> None:
        """An empty collection has nothing, and putting nothing in or taking nothing out is no error.

        Troubleshooting: engines that train or build an index refuse to search before there is one.
        """
        index, collection = await fresh(bench)
        await index.upsert(collection, [])
        await index.delete(collection, [])
        await index.delete_file(collection, "file-0")
        await index.set_attributes(collection, "file-0", {"a": 1})
        assert list(await index.search(collection, packed([1.0] * DIMENSION), 5)) == []
        assert await index.count(collection) == 0
        assert await index.count(collection, "file-0") == 0

    @case(unscripted=True)
    async def test_replaced(self, bench: Bench) -> None:
        """A record whose id is there takes the other's place: vector, file and attributes; of two in a call the last.

        Troubleshooting: the engine adds without looking (``add``), or merges attributes instead of replacing them.
        """
        index, collection = await fresh(bench)
        source = random.Random(2)  # noqa: S311  # the same vectors every time
        before = records_of([random_vector(source, DIMENSION) for _ in range(20)], lambda _: {"old": True})
        await index.upsert(collection, before)
        after = [
            VectorRecord(f"chunk-{number}", "file-new", random_vector(source, DIMENSION), {"new": True})
            for number in (3, 7, 7, 25)
        ]
        await index.upsert(collection, after)
        records = list({record.id: record for record in (*before, *after)}.values())
        await self._holds(index, collection, records)
        assert await index.count(collection, "file-new") == 3
        await index.upsert(collection, after)
        await self._holds(index, collection, records)

    @case(unscripted=True)
    async def test_deleted(self, bench: Bench) -> None:
        """What was deleted, by id or with its file, is not found from then on; what is not there does not matter.

        Troubleshooting: the engine only marks what is deleted, or applies it later: wait for it.
        """
        index, collection = await fresh(bench)
        source = random.Random(3)  # noqa: S311  # the same vectors every time
        records = records_of([random_vector(source, DIMENSION) for _ in range(30)])
        await index.upsert(collection, records)
        await index.delete(collection, ["chunk-0", "chunk-29", "chunk-0", "never-there"])
        await index.delete_file(collection, "file-3")
        await index.delete_file(collection, "file-never-there")
        gone = {"chunk-0", "chunk-29", "chunk-9", "chunk-10", "chunk-11"}
        left = [record for record in records if record.id not in gone]
        await self._holds(index, collection, left)
        assert await index.count(collection, "file-3") == 0
        assert await index.count(collection, "file-0") == 2
        await index.upsert(collection, [records[0]])
        await self._holds(index, collection, [*left, records[0]])

    @case(unscripted=True)
    async def test_collections_are_apart(self, bench: Bench) -> None:
        """Ids are those of a collection: nothing done in one is seen in another.

        Troubleshooting: the collection is missing in a key, or in the condition of a delete.
        """
        index, one = await fresh(bench)
        _, other = await fresh(bench, 5)
        source = random.Random(4)  # noqa: S311  # the same vectors every time
        mine = records_of([random_vector(source, DIMENSION) for _ in range(9)])
        theirs = records_of([random_vector(source, 5) for _ in range(12)])
        await index.upsert(one, mine)
        await index.upsert(other, theirs)
        await index.delete(other, ["chunk-1"])
        await index.delete_file(other, "file-1")
        await index.set_attributes(other, "file-0", {"x": 1})
        await self._holds(index, one, mine)
        await index.drop(one)
        wanted = random_vector(source, 5)
        left = [record for record in theirs if record.id != "chunk-1" and record.file_id != "file-1"]
        assert_nearest(await index.search(other, wanted, 20), left, wanted, 20)

    @case(unscripted=True)
    async def test_created_again(self, bench: Bench) -> None:
        """Making a collection that is there changes nothing; with another dimension it is a ``Conflict``.

        Troubleshooting: a job that was killed creates again; look before you make one, or take "exists" for success.
        """
        index, collection = await fresh(bench)
        record = VectorRecord("one", "file", packed([1.0] * DIMENSION))
        await index.upsert(collection, [record])
        await index.create(collection, DIMENSION)
        assert await index.count(collection) == 1
        await expect(index.create(collection, DIMENSION + 1), Conflict, after="Created with another dimension")
        await self._holds(index, collection, [record])

    @case(unscripted=True)
    async def test_dropped(self, bench: Bench) -> None:
        """A dropped collection is gone with all that was in it; its name may be used again, with another dimension.

        Troubleshooting: something is kept under the name (a cache, a file); dropping what is not there is no error.
        """
        index, collection = await fresh(bench)
        await index.upsert(collection, records_of([packed([1.0] * DIMENSION)] * 3))
        await index.search(collection, packed([1.0] * DIMENSION), 3)
        await index.drop(collection)
        await index.drop(collection)
        await expect(index.count(collection), NotFound, after="Dropped")
        await index.create(collection, 4)
        assert await index.count(collection) == 0
        records = records_of([packed([1.0, 2.0, 3.0, 4.0])])
        await index.upsert(collection, records)
        found = await index.search(collection, packed([1.0, 1.0, 1.0, 1.0]), 3)
        assert_nearest(found, records, packed([1.0, 1.0, 1.0, 1.0]), 3)

    @case(unscripted=True)
    async def test_unknown_collection(self, bench: Bench) -> None:
        """Whatever is done with a collection that does not exist is ``NotFound``, and makes none.

        Troubleshooting: many engines make a collection when something is put in.
        """
        index: VectorIndex = bench.provider
        record = VectorRecord("one", "file", packed([1.0, 2.0]))
        attempts: list[Callable[[], Awaitable[object]]] = [
            lambda: index.upsert(UNKNOWN, [record]),
            lambda: index.set_attributes(UNKNOWN, "file", {"a": 1}),
            lambda: index.delete(UNKNOWN, ["one"]),
            lambda: index.delete_file(UNKNOWN, "file"),
            lambda: index.search(UNKNOWN, packed([1.0, 2.0]), 3),
            lambda: index.count(UNKNOWN),
            lambda: index.count(UNKNOWN, "file"),
        ]
        for attempt in attempts:
            await expect(attempt(), NotFound, after="There is no such collection")

    @case(unscripted=True)
    async def test_dimension(self, bench: Bench) -> None:
        """A vector of another dimension is refused, and nothing of the call is stored.

        Troubleshooting: compare the length of the buffer with what :meth:`create` was told, before the engine sees it.
        """
        index, collection = await fresh(bench)
        good = VectorRecord("good", "file", packed([1.0] * DIMENSION))
        for bad in (packed([1.0] * (DIMENSION - 1)), packed([1.0] * (DIMENSION + 1)), b"", good.vector[:-1]):
            refused = index.upsert(collection, [good, VectorRecord("bad", "file", bad)])
            await expect(refused, InvalidRequest, after="A vector of another dimension")
            await expect(index.search(collection, bad, 3), InvalidRequest, after="Searched with another dimension")
        assert await index.count(collection) == 0, "Something of a call that was refused is stored."
        await index.upsert(collection, [good])
        await self._holds(index, collection, [good])

    @case(unscripted=True)
    async def test_no_direction(self, bench: Bench) -> None:
        """A vector with a number that is not finite, or all zeros, is refused, and nothing of the call is stored.

        Troubleshooting: engines take NaN, and their order is broken from then on.
        """
        index, collection = await fresh(bench, 3)
        good = VectorRecord("good", "file", packed([1.0, 2.0, 3.0]))
        infinite = float("inf")
        for numbers in ((1.0, float("nan"), 0.0), (infinite, 1.0, 1.0), (0.0, -infinite, 0.0), (0.0, -0.0, 0.0)):
            refused = index.upsert(collection, [good, VectorRecord("bad", "file", packed(numbers))])
            await expect(refused, InvalidRequest, after=f"The vector {numbers}")
            await expect(index.search(collection, packed(numbers), 3), InvalidRequest, after=f"Searched {numbers}")
        assert await index.count(collection) == 0, "Something of a call that was refused is stored."

    @case("many", unscripted=True)
    async def test_ten_thousand(self, bench: Bench) -> None:
        """Among ten thousand vectors it finds the nearest ten: all of them, or the share that ``recall`` promises.

        Troubleshooting: an approximate index is used; give it more effort, or say ``recall`` and why.
        """
        index, collection = await fresh(bench, self.many_dimension)
        source = random.Random(5)  # noqa: S311  # the same vectors every time
        vectors = [source.randbytes(self.many_dimension) for _ in range(MANY)]
        records = records_of([packed(byte - 127.5 for byte in vector) for vector in vectors])
        for start in range(0, MANY, 1000):
            await index.upsert(collection, records[start : start + 1000])
        assert await index.count(collection) == MANY
        found = due = 0
        for _ in range(10):
            wanted = random_vector(source, self.many_dimension)
            right = {hit.id for hit in nearest(records, wanted, 10)}
            hits = await index.search(collection, wanted, 10)
            if self.recall == 1.0:
                assert_nearest(hits, records, wanted, 10)
            found += len(right & {hit.id for hit in hits})
            due += len(right)
        assert found >= self.recall * due * 0.99, f"{found} of the nearest {due} were found."

    async def _holds(self, index: VectorIndex, collection: str, records: list[VectorRecord]) -> None:
        """See that the collection holds these records and no others."""
        source = random.Random(6)  # noqa: S311  # the same vectors every time
        assert await index.count(collection) == len(records)
        for _ in range(3):
            wanted = random_vector(source, DIMENSION)
            assert_nearest(await index.search(collection, wanted, 100), records, wanted, 100)
