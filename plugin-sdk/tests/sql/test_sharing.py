"""What is shared with whom, and that nothing of it changes whose a row is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sql_notes import METADATA, NOTES, OTHERS
from sqlalchemy import Column, String, select

from dinrail_core.api.call import Principal, Share
from dinrail_sdk.sql.contract import Duplicate
from dinrail_sdk.sql.tables import owned_table
from dinrail_sdk.sql.units import Owned

if TYPE_CHECKING:
    from sql_notes import Store

LINES = owned_table("lines", METADATA, Column("note", String(80)), part_of="notes")
SLOW_FIXTURE = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)

SHARES = st.builds(
    Share,
    st.sets(st.sampled_from(["notes", "others"]), min_size=1).map(frozenset),
    st.sampled_from([None, "red", "RED", "re", "r_d", "r%"]),
    st.booleans(),
    st.booleans(),
)
PRINCIPALS = st.builds(
    Principal,
    st.sampled_from(["acme", "evil"]),
    st.sampled_from(["ann", "bob", None]),
    shares=st.lists(SHARES, max_size=3).map(tuple),
)


def sees(reader: Principal, maker: Principal, *, writing: bool = False) -> bool:
    """What is meant by sharing, said without SQL."""
    if reader.tenant != maker.tenant:
        return False
    if reader.user == maker.user:
        return True
    roles = {share.role for share in maker.shares if "notes" in share.objects}
    return any(
        "notes" in share.objects
        and (share.writing if writing else share.reading)
        and (share.role is None or share.role in roles)
        for share in reader.shares
    )


@given(PRINCIPALS, PRINCIPALS)
@SLOW_FIXTURE
def test_others_see_and_change_what_is_shared_with_them_and_no_more(
    store: Store, maker: Principal, reader: Principal
) -> None:
    store.clear()
    store.do(maker, lambda unit: unit.insert(NOTES, {"id": "note_1", "text": "a", "size": 1, "bytes": 1}))
    seen, mine = sees(reader, maker), (reader.tenant, reader.user) == (maker.tenant, maker.user)
    changed = sees(reader, maker, writing=True)

    def look(unit: Owned) -> None:
        assert (unit.get(NOTES, "note_1") is not None) == seen
        assert len(unit.select(NOTES)) == unit.count(NOTES) == (unit.sum(NOTES.c.size) or 0) == seen
        assert (unit.max(NOTES.c.text) == "a") == seen
        by_id, among = NOTES.c.id == "note_1", NOTES.c.id.in_(["note_1", "note_2"])
        assert len(unit.select(NOTES, by_id)) == unit.count(NOTES, among) == seen
        assert (unit.get(NOTES, "note_1", lock=True) is not None) == changed
        assert unit.stored_bytes() == mine, "what somebody has stored is its own alone"

    store.do(reader, look)
    assert store.do(reader, lambda unit: unit.update(NOTES, {"text": "b"})) == changed
    assert store.do(reader, lambda unit: unit.update(NOTES, {"text": "b"}, NOTES.c.id == "note_1")) == changed
    assert store.do(reader, lambda unit: unit.change(NOTES, "note_1", {"text": "c"})) == changed
    assert _owners(store) == {("note_1", maker.tenant, maker.user or "")}
    assert store.do(reader, lambda unit: unit.delete(NOTES)) == changed
    assert store.do(maker, lambda unit: unit.count(NOTES)) == (not changed)


@given(PRINCIPALS, PRINCIPALS)
@SLOW_FIXTURE
def test_a_part_belongs_to_whom_its_object_belongs_to_whoever_adds_it(
    store: Store, maker: Principal, writer: Principal
) -> None:
    store.clear()
    store.do(maker, lambda unit: unit.insert(NOTES, {"id": "note_1", "text": "a"}))

    def add(unit: Owned) -> bool:
        note = unit.get(NOTES, "note_1", lock=True)
        if note is not None:
            unit.insert(LINES, {"id": "line_1", "note": "note_1"}, under=note)
        return note is not None

    added = store.do(writer, add)
    assert added == sees(writer, maker, writing=True)
    assert store.do(maker, lambda unit: unit.count(LINES)) == added, "its owner sees it, whatever rules come or go"
    alone = Principal(maker.tenant, maker.user)
    assert store.do(alone, lambda unit: unit.count(LINES)) == added


def test_a_part_cannot_be_put_under_what_another_tenant_has(store: Store) -> None:
    store.do(Principal("evil"), lambda unit: unit.insert(NOTES, {"id": "note_1"}))
    foreign = store.do(Principal("evil"), lambda unit: unit.get(NOTES, "note_1"))
    with pytest.raises(TypeError, match="its unit has found"):
        store.do(Principal("acme"), lambda unit: unit.insert(LINES, {"id": "line_1"}, under=foreign))


def test_whose_a_row_is_and_whom_it_is_shared_with_cannot_be_said(store: Store) -> None:
    ann = Principal("acme", "ann")
    for name in ("tenant", "owner", "audience"):
        with pytest.raises(TypeError, match="never changes"):
            store.do(ann, lambda unit, name=name: unit.insert(NOTES, {"id": "n", name: "x"}))  # type: ignore[misc]  # a loop's variable
        with pytest.raises(TypeError, match="never changes"):
            store.do(ann, lambda unit, name=name: unit.update(NOTES, {name: "x"}))  # type: ignore[misc]  # as above


def test_what_is_shared_of_one_kind_says_nothing_about_another(store: Store) -> None:
    ann = Principal("acme", "ann")
    bob = Principal("acme", "bob", shares=(Share(frozenset({"notes"}), writing=True),))
    store.do(ann, lambda unit: unit.insert(OTHERS, {"id": "o"}))
    store.do(ann, lambda unit: unit.insert(NOTES, {"id": "n"}))
    assert store.do(bob, lambda unit: (unit.count(OTHERS), unit.count(NOTES))) == (0, 1)


def test_a_taken_id_stays_taken_where_it_is_shared(store: Store) -> None:
    ann = Principal("acme", "ann")
    bob = Principal("acme", "bob", shares=(Share(frozenset({"notes"}), writing=True),))
    store.do(ann, lambda unit: unit.insert(NOTES, {"id": "n"}))
    with pytest.raises(Duplicate):
        store.do(bob, lambda unit: unit.insert(NOTES, {"id": "n"}))


def _owners(store: Store) -> set[tuple[str, str, str]]:
    found = store.raw(lambda connection: connection.execute(select(NOTES.c.id, NOTES.c.tenant, NOTES.c.owner)).all())
    return {(row[0], row[1], row[2]) for row in found}
