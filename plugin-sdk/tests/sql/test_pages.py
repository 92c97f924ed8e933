"""Lists in pages: every row once, in order, whatever comes and goes meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sql_notes import ANN, BOB, NOTES

from dinrail_core.api.pages import ListQuery
from dinrail_core.api.wire import decode_request
from dinrail_sdk.sql.units import Page, page_of

if TYPE_CHECKING:
    from sql_notes import Store

Order = Literal["asc", "desc"]
ORDERS = st.sampled_from(["asc", "desc"])
KEYS = st.integers(0, 40).map(lambda number: f"note_{number:02}")
MANY_KEYS = st.lists(KEYS, unique=True, max_size=12)
SLOW_FIXTURE = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)


def keep(store: Store, keys: Sequence[str]) -> None:
    store.do(ANN, lambda unit: unit.insert(NOTES, *({"id": key, "text": ""} for key in keys)))
    # What somebody else has lies between, and counts for nothing.
    store.do(BOB, lambda unit: unit.insert(NOTES, *({"id": f"{key}x", "text": ""} for key in keys)))


def ids(store: Store, page: Page) -> tuple[list[str], bool]:
    found = store.do(ANN, lambda unit: unit.page(NOTES, page))
    return [row["id"] for row in found.rows], found.has_more


@given(MANY_KEYS, ORDERS, st.integers(1, 13), st.none() | KEYS, st.none() | KEYS)
@SLOW_FIXTURE
def test_a_page_is_the_part_of_the_list_that_its_cursors_and_limit_say(
    store: Store, keys: list[str], order: Order, limit: int, after: str | None, before: str | None
) -> None:
    store.clear()
    keep(store, keys)
    wanted = sorted(keys, reverse=order == "desc")
    rank = {key: number for number, key in enumerate(sorted({*keys, after or "", before or ""}))}
    sign = 1 if order == "asc" else -1
    if after is not None:
        wanted = [key for key in wanted if sign * rank[key] > sign * rank[after]]
    if before is not None:
        wanted = [key for key in wanted if sign * rank[key] < sign * rank[before]]
    part = wanted[-limit:] if before is not None and after is None else wanted[:limit]
    assert ids(store, Page(limit, order, after, before)) == (part, len(wanted) > limit)


@given(MANY_KEYS, ORDERS, st.integers(1, 4), st.lists(st.tuples(st.booleans(), KEYS), max_size=12))
@SLOW_FIXTURE
def test_walking_through_shows_what_stays_once_and_in_order_whatever_comes_and_goes(
    store: Store, keys: list[str], order: Order, limit: int, changes: list[tuple[bool, str]]
) -> None:
    store.clear()
    keep(store, keys)
    there, touched = set(keys), set()
    seen: list[str] = []
    after, more, pending = None, True, list(changes)
    while more:
        part, more = ids(store, Page(limit, order, after))
        seen += part
        after = part[-1] if part else after
        if pending:
            insert, key = pending.pop()
            touched.add(key)
            if insert and key not in there:
                store.do(ANN, lambda unit, key=key: unit.insert(NOTES, {"id": key, "text": ""}))  # type: ignore[misc]  # bound at once
                there.add(key)
            elif not insert:  # the cursor's own row, perhaps
                store.do(ANN, lambda unit, key=key: unit.delete(NOTES, NOTES.c.id == key))  # type: ignore[misc]  # bound at once
                there.discard(key)
    assert seen == sorted(set(seen), reverse=order == "desc")
    assert set(keys) - touched <= set(seen) <= set(keys) | touched


@given(MANY_KEYS, ORDERS, st.integers(1, 4))
@SLOW_FIXTURE
def test_walking_backwards_shows_the_same_as_walking_forwards(
    store: Store, keys: list[str], order: Order, limit: int
) -> None:
    store.clear()
    keep(store, keys)
    seen: list[str] = []
    before, more = "note_99" if order == "asc" else "note_", True
    while more:
        part, more = ids(store, Page(limit, order, None, before))
        seen = part + seen
        before = part[0] if part else before
    assert seen == sorted(keys, reverse=order == "desc")


def test_a_cursor_stays_good_when_its_row_is_gone(store: Store) -> None:
    keep(store, ["a", "b", "c", "d"])
    store.do(ANN, lambda unit: unit.delete(NOTES, NOTES.c.id == "b"))
    assert ids(store, Page(10, "asc", after="b")) == (["c", "d"], False)
    assert ids(store, Page(10, "asc", before="b")) == (["a"], False)


def test_a_list_may_be_ordered_by_another_unique_column(store: Store) -> None:
    rows = [{"id": key, "text": "", "size": size} for key, size in (("a", 3), ("b", 1), ("c", 2))]
    store.do(ANN, lambda unit: unit.insert(NOTES, *rows))
    found = store.do(ANN, lambda unit: unit.page(NOTES, Page(2, "asc", after=1), key=NOTES.c.size))
    assert ([row["id"] for row in found.rows], found.has_more) == (["c", "a"], False)


def test_a_list_may_be_narrowed(store: Store) -> None:
    keep(store, ["a", "b", "c", "d"])
    found = store.do(ANN, lambda unit: unit.page(NOTES, Page(1, "asc", after="a"), NOTES.c.id != "b"))
    assert ([row["id"] for row in found.rows], found.has_more) == (["c"], True)


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ({}, Page(20, "desc", None, None)),
        ({"limit": "5", "order": "asc", "after": "x"}, Page(5, "asc", "x", None)),
        ({"before": "y"}, Page(20, "desc", None, "y")),
    ],
)
def test_a_page_is_what_the_query_asks_for(query: dict[str, str], page: Page) -> None:
    assert page_of(decode_request(ListQuery, query, from_text=True)) == page
