"""What engines are built with: buffers, folders, lanes, and what is loaded late."""

from __future__ import annotations

import asyncio
import sys
import threading
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from dinrail_core.api.vector_index import VectorHit
from dinrail_core.errors import InvalidRequest, NotFound, Unavailable
from dinrail_sdk.testing.vector_samples import comparison
from dinrail_sdk.vectors.base import Candidates, find_exactly, plain
from dinrail_sdk.vectors.buffers import unit, units
from dinrail_sdk.vectors.folder import Folder
from dinrail_sdk.vectors.lane import Lane
from dinrail_sdk.vectors.lazy import opened_lazily


def packed(*numbers: float) -> bytes:
    return array("f", numbers).tobytes()


def test_vectors_come_out_with_length_one_whatever_their_length() -> None:
    for scale in (1e-45, 1e-38, 1.0, 3e38):
        assert np.linalg.norm(unit(packed(scale, 0, 0), 3)) == pytest.approx(1.0)
    assert units([], 3).shape == (0, 3)
    assert unit(memoryview(packed(3, 4)), 2).tolist() == pytest.approx([0.6, 0.8])


@pytest.mark.parametrize("vector", [packed(1), packed(1, 2, 3), b"", b"1234567"])
def test_another_dimension_is_refused_by_name(vector: bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        unit(vector, 2)
    assert caught.value.code == "dimension_mismatch"


def test_numbers_are_floats_and_booleans_stay_booleans() -> None:
    assert repr(plain({"a": 1, "b": True, "c": "1", "d": -0.0})) == "{'a': 1.0, 'b': True, 'c': '1', 'd': 0.0}"


async def test_more_is_asked_for_until_enough_match() -> None:
    rows = [(VectorHit(f"r{n}", "f", 1 - n / 1000), {"n": n}) for n in range(500)]
    asked: list[int] = []

    async def fetch(count: int) -> Candidates:
        asked.append(count)
        return rows[:count]

    found = await find_exactly(fetch, 2, comparison("gte", "n", 300))
    assert [hit.id for hit in found or ()] == ["r300", "r301"]
    assert list(asked) == [8, 64, 512]
    last = await find_exactly(fetch, 2, comparison("gte", "n", 499))
    assert [hit.id for hit in last or ()] == ["r499"]
    assert await find_exactly(fetch, 2, comparison("gte", "n", 300), most=100) is None


def test_a_folder_is_for_one_at_a_time_and_cleans_up_what_a_killed_process_left(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    with pytest.raises(Unavailable, match="Another process"):
        Folder(tmp_path)
    folder.make("abc", 7, lambda place: (place / "data").write_text("x"))
    assert folder.dimension("abc") == 7
    assert (folder.place("abc") / "data").read_text() == "x"
    with pytest.raises(ZeroDivisionError):
        folder.make("half", 7, lambda place: 1 / 0)
    with pytest.raises(NotFound):
        folder.dimension("half")
    folder.close()
    again = Folder(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["LOCK", "abc"]
    for _ in range(2):
        again.drop("abc")
    with pytest.raises(NotFound):
        again.place("abc")
    again.close()


async def test_a_lane_makes_its_engine_again_after_a_failure_and_closes_it_behind_what_is_under_way() -> None:
    made: list[str] = []
    closed: list[str] = []
    may_go_on = threading.Event()

    def make() -> str:
        made.append("engine")
        if len(made) == 1:
            raise OSError("not yet")
        return "engine"

    lane = Lane(make, closed.append, "test")
    async with lane.opened():
        with pytest.raises(OSError, match="not yet"):
            await lane.run(len)
        assert await lane.run(len) == 6
        waiting = asyncio.create_task(lane.run(lambda engine: (may_go_on.wait(10), list(closed))))
        await asyncio.sleep(0)
        waiting.cancel()
        may_go_on.set()
    assert (made, closed) == (["engine", "engine"], ["engine"])


async def test_what_is_loaded_late_is_loaded_once_and_a_library_that_is_missing_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[str] = []

    class Index:
        async def count(self, collection: str, file_id: str | None = None) -> int:
            return len(opened)

    @asynccontextmanager
    async def open_index(name: str) -> AsyncIterator[Index]:
        opened.append(name)
        yield Index()
        opened.append("closed")

    module = ModuleType("late_index")
    vars(module)["open_index"] = open_index
    monkeypatch.setitem(sys.modules, "late_index", module)
    async with opened_lazily("late_index", "open_index", "one") as index:
        assert opened == []
        assert list(await asyncio.gather(index.count("abc"), index.count("abc"))) == [1, 1]
    assert opened == ["one", "closed"]
    async with opened_lazily("no_such_library_at_all", "open_index") as index:
        with pytest.raises(Unavailable, match="no_such_library_at_all"):
            await index.count("abc")
