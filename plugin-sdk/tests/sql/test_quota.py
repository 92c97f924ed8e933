"""What somebody has stored is the sum over all that count, whoever keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sql_notes import ANN, BOB, EVE, METADATA, NOTES, OTHERS, TEAM
from sqlalchemy import Column, Integer, text

from dinrail_core.api.call import Call
from dinrail_core.errors import RateLimited
from dinrail_sdk.sql.quota import check_room, room
from dinrail_sdk.sql.tables import owned_table
from dinrail_sdk.sql.units import Owned

if TYPE_CHECKING:
    from sql_notes import Store

PAGES = owned_table("pages", METADATA, Column("bytes", Integer, nullable=False), counted=True)


def fill(unit: Owned) -> None:
    unit.insert(NOTES, {"id": "note_1", "bytes": 30}, {"id": "note_2", "bytes": 4})
    unit.insert(PAGES, {"id": "page_1", "bytes": 500})
    unit.insert(OTHERS, {"id": "other_1", "bytes": 7000})


def test_all_counted_tables_are_summed_up_for_their_owner_alone(store: Store) -> None:
    store.do(ANN, fill)
    assert store.do(ANN, lambda unit: unit.stored_bytes()) == 534
    for other in (BOB, EVE, TEAM):
        assert store.do(other, lambda unit: unit.stored_bytes()) == 0
    store.do(ANN, lambda unit: unit.delete(PAGES))
    assert store.do(ANN, lambda unit: unit.stored_bytes()) == 34


def test_where_nothing_was_ever_kept_nothing_is_stored(store: Store) -> None:
    store.raw(METADATA.drop_all)
    assert store.do(ANN, lambda unit: unit.stored_bytes()) == 0


def test_room_is_what_is_left_of_the_limit_and_never_less_than_nothing(store: Store) -> None:
    store.do(ANN, fill)
    for limit, left in ((None, None), (600, 66), (534, 0), (10, 0), (0, 0)):
        call = Call(ANN, storage_limit=limit)
        assert store.do(ANN, lambda unit, call=call: room(unit, call)) == left  # type: ignore[misc]  # a loop's variable


def test_what_does_not_fit_is_refused_and_what_just_fits_is_not(store: Store) -> None:
    store.do(ANN, fill)
    call = Call(ANN, storage_limit=600)
    store.do(ANN, lambda unit: check_room(unit, call, 66))
    with pytest.raises(RateLimited, match="600 bytes") as refused:
        store.do(ANN, lambda unit: check_room(unit, call, 67))
    assert refused.value.code == "insufficient_quota"
    store.do(ANN, lambda unit: check_room(unit, Call(ANN), 10**12))


def test_the_sum_is_read_from_an_index(store: Store) -> None:
    """Else every write of somebody with a limit would read all that it has."""
    if store.raw(lambda connection: connection.dialect.name) != "sqlite":
        pytest.skip("PostgreSQL's planner reads a table that is as small as this one")
    plan = "EXPLAIN QUERY PLAN SELECT sum(bytes) FROM notes WHERE tenant = 'acme' AND owner = 'ann'"
    steps = store.raw(lambda connection: [row[3] for row in connection.execute(text(plan))])
    assert any("COVERING INDEX ix_notes_stored" in step for step in steps)
