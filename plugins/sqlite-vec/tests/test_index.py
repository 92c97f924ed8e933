"""What memory holds follows the file, and what is wrong with the file is said."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import apsw
import pytest

from dinrail_core.api.vector_index import VectorIndex, VectorRecord
from dinrail_core.errors import Unavailable
from dinrail_sdk.testing import open_rail
from dinrail_sdk.testing.vector_samples import assert_nearest, comparison, random_attributes, random_vector
from dinrail_sqlite_vec import database, reader
from dinrail_sqlite_vec.index import SqliteVec, open_index

DIMENSION = 8


def some(source: random.Random, count: int, first: int = 0) -> list[VectorRecord]:
    return [
        VectorRecord(f"c{n}", f"f{n % 7}", random_vector(source, DIMENSION), random_attributes(source))
        for n in range(first, first + count)
    ]


async def holds(index: SqliteVec, collection: str, records: dict[str, VectorRecord], source: random.Random) -> None:
    wanted = random_vector(source, DIMENSION)
    for filter in (None, comparison("ne", "a", "a")):
        found = await index.search(collection, wanted, 1000, filter)
        assert_nearest(found, list(records.values()), wanted, 1000, filter)


@pytest.mark.parametrize("kept_changes", [2, 1_000])
@pytest.mark.parametrize("seed", range(4))
async def test_memory_follows_the_file_through_any_changes_of_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, kept_changes: int
) -> None:
    monkeypatch.setattr(database, "_KEPT_CHANGES", kept_changes)
    source = random.Random(seed)
    path = tmp_path / "v.sqlite"
    records: dict[str, VectorRecord] = {}
    async with open_index(path, 64, 10) as writing, open_index(path, 64, 10) as reading:
        await writing.create("abc", DIMENSION)
        for _ in range(30):
            for _ in range(source.choice((1, 1, 5))):
                await change(writing, records, source)
            await holds(reading, "abc", records, source)


async def change(index: SqliteVec, records: dict[str, VectorRecord], source: random.Random) -> None:
    match source.randrange(4):
        case 0 | 1:
            new = some(source, source.randrange(1, 30), source.randrange(100))
            await index.upsert("abc", new)
            records |= {one.id: one for one in new}
        case 2:
            gone = [f"c{source.randrange(130)}" for _ in range(20)]
            await index.delete("abc", gone)
            for one in gone:
                records.pop(one, None)
        case _:
            file_id, attributes = f"f{source.randrange(7)}", random_attributes(source)
            await index.set_attributes("abc", file_id, attributes)
            for record in list(records.values()):
                if record.file_id == file_id:
                    records[record.id] = VectorRecord(record.id, file_id, record.vector, attributes)


async def test_what_does_not_fit_into_memory_is_found_in_the_file_and_what_was_used_least_goes_first(
    tmp_path: Path,
) -> None:
    source = random.Random(5)
    async with open_index(tmp_path / "v.sqlite", 1, 10) as index:
        collections: dict[str, dict[str, VectorRecord]] = {}
        for name, count in (("small_one", 9_000), ("small_two", 9_000), ("small_three", 15_000), ("large", 40_000)):
            vectors = [random_vector(source, DIMENSION) for _ in range(50)]
            collections[name] = {f"c{n}": VectorRecord(f"c{n}", "f", vectors[n % 50]) for n in range(count // 10)}
            await index.create(name, 8)
            await index.upsert(name, list(collections[name].values()))

        def kept(reader: reader.Reader) -> list[str]:
            return list(reader._matrices)

        await index._reading.run(lambda one: setattr(one, "_memory", 4 * DIMENSION * 2_000))
        for name in ("small_one", "small_two", "small_three"):
            await index.search(name, random_vector(source, DIMENSION), 10)
        assert await index._reading.run(kept) == ["small_three"]
        await index.search("large", random_vector(source, DIMENSION), 10)
        assert await index._reading.run(kept) == ["small_three"], "what fits nowhere displaces nothing"
        assert await index.count("large") == 4_000


async def test_sets_of_attributes_that_nobody_has_any_more_are_removed(tmp_path: Path) -> None:
    source = random.Random(6)
    async with open_index(tmp_path / "v.sqlite", 64, 10) as index:
        await index.create("abc", DIMENSION)
        await index.upsert("abc", some(source, 50))
        for number in range(20):
            await index.set_attributes("abc", "f1", {"n": number})
        await index.delete("abc", [f"c{n}" for n in range(50) if n % 7 != 1])
    with apsw.Connection(str(tmp_path / "v.sqlite")) as connection:
        assert connection.execute("SELECT value FROM attribute_sets").fetchall() == [('{"n": 19}',)]


async def test_a_file_that_is_none_or_of_a_newer_program_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "garbage").write_bytes(b"garbage" * 1000)
    with apsw.Connection(str(tmp_path / "newer")) as connection:
        connection.execute("PRAGMA user_version = 99")
    for name, reason in (("garbage", "cannot be used"), ("newer", "newer program")):
        async with open_index(tmp_path / name, 64, 0.1) as index:
            for _ in range(2):
                with pytest.raises(Unavailable, match=reason):
                    await index.create("abc", 3)
                with pytest.raises(Unavailable, match=reason):
                    await index.count("abc")


async def test_a_file_that_somebody_else_writes_for_long_is_unavailable_and_works_again_afterwards(
    tmp_path: Path,
) -> None:
    async with open_index(tmp_path / "v.sqlite", 64, 0.05) as index:
        await index.create("abc", 3)
        other: Any = apsw.Connection(str(tmp_path / "v.sqlite"))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="another process"):
            await index.create("abd", 3)
        assert await index.count("abc") == 0
        other.execute("ROLLBACK")
        other.close()
        await index.create("abd", 3)


async def test_it_is_there_without_any_configuration() -> None:
    async with open_rail(plugins=["sqlite-vec"]) as rail:
        target = await rail.instance(VectorIndex)
        assert target.instance == "sqlite-vec"
        await target.provider.create("abc", 3)
        assert await target.provider.count("abc") == 0
