from __future__ import annotations

import re
import threading
import time
from itertools import pairwise

import pytest

from dinrail_sdk.sql import ids
from dinrail_sdk.sql.ids import new_id


def test_an_id_is_a_prefix_and_48_hexadecimal_digits_that_begin_with_the_time() -> None:
    before = time.time_ns() // 1_000_000
    found = new_id("file-")
    after = time.time_ns() // 1_000_000
    assert re.fullmatch(r"file-[0-9a-f]{48}", found)
    assert before <= int(found.removeprefix("file-")[:12], 16) <= after + 1_000


def test_ids_rise_over_threads_in_the_order_in_which_they_are_made() -> None:
    made: list[list[str]] = [[] for _ in range(8)]
    gate = threading.Barrier(len(made))
    order: list[str] = []
    lock = threading.Lock()

    def make(mine: list[str]) -> None:
        gate.wait()
        for _ in range(500):
            mine.append(new_id(""))
            with lock:  # made inside, so that the list's order is that of creation
                order.append(new_id(""))

    threads = [threading.Thread(target=make, args=(mine,)) for mine in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(first < second for first, second in pairwise(order))
    assert all(first < second for mine in made for first, second in pairwise(mine))
    assert len({*order, *(one for mine in made for one in mine)}) == 8 * 1_000


def test_a_clock_that_is_set_back_does_not_set_ids_back(monkeypatch: pytest.MonkeyPatch) -> None:
    first = new_id("")
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now - 3_600 * 10**9)
    later = [new_id("") for _ in range(10)]
    assert [first, *later] == sorted([first, *later])


def test_more_ids_than_the_counter_holds_go_on_into_the_next_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ids._Clock()
    monkeypatch.setattr(ids, "_MOST", 3)
    monkeypatch.setattr(time, "time_ns", lambda: 5_000_000)
    ticks = [clock.tick() for _ in range(9)]
    assert ticks == [(5, 0), (5, 1), (5, 2), (5, 3), (6, 0), (6, 1), (6, 2), (6, 3), (7, 0)]


def test_the_random_part_differs() -> None:
    assert len({new_id("")[18:] for _ in range(1_000)}) == 1_000
