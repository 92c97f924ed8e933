"""Whose a row is decides everything, and nothing that a service can write gets around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sql_notes import ANN, BOB, EVE, EVERYBODY, NOTES, OTHERS, PLAIN, TEAM
from sqlalchemy.sql.elements import quoted_name

from dinrail_core.errors import InvalidRequest
from dinrail_sdk.sql.contract import Duplicate
from dinrail_sdk.sql.scope import Scope
from dinrail_sdk.sql.units import Owned, Page

if TYPE_CHECKING:
    from sql_notes import Store

    from dinrail_core.api.call import Principal

N = NOTES.c
SLOW_FIXTURE = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)


# --- a model: what each principal should see

Operation = tuple[str, int, int, str]
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["insert", "update", "change", "update all", "delete", "delete all"]),
        st.integers(0, len(EVERYBODY) - 1),
        st.integers(0, 7),
        st.text("ab", max_size=2),
    ),
    max_size=12,
)


@given(OPERATIONS)
@SLOW_FIXTURE
def test_each_principal_sees_and_changes_rows_of_its_own_alone(store: Store, operations: list[Operation]) -> None:
    store.clear()
    model: dict[str, tuple[Principal, str]] = {}
    for operation, who, number, text in operations:
        _apply(store, model, operation, EVERYBODY[who], f"note_{number}", text)
        for principal in EVERYBODY:
            mine = {key: kept for key, (owner, kept) in model.items() if owner == principal}
            _compare(store, principal, mine)


def _apply(
    store: Store, model: dict[str, tuple[Principal, str]], operation: str, who: Principal, key: str, text: str
) -> None:
    mine = model.get(key, (None, ""))[0] == who
    match operation:
        case "insert" if key in model:
            with pytest.raises(Duplicate):
                store.do(who, lambda unit: unit.insert(NOTES, {"id": key, "text": text}))
        case "insert":
            store.do(who, lambda unit: unit.insert(NOTES, {"id": key, "text": text}))
            model[key] = (who, text)
        case "update":
            assert store.do(who, lambda unit: unit.update(NOTES, {"text": text}, N.id == key)) == mine
            if mine:
                model[key] = (who, text)
        case "change":
            assert store.do(who, lambda unit: unit.change(NOTES, key, {"text": text})) == mine
            if mine:
                model[key] = (who, text)
        case "update all":
            count = store.do(who, lambda unit: unit.update(NOTES, {"text": text}))
            own = [key for key, (owner, _) in model.items() if owner == who]
            assert count == len(own)
            model.update(dict.fromkeys(own, (who, text)))
        case "delete":
            assert store.do(who, lambda unit: unit.delete(NOTES, N.id == key)) == mine
            if mine:
                del model[key]
        case _:
            own = [key for key, (owner, _) in model.items() if owner == who]
            assert store.do(who, lambda unit: unit.delete(NOTES)) == len(own)
            for one in own:
                del model[one]


def _compare(store: Store, principal: Principal, mine: dict[str, str]) -> None:
    def look(unit: Owned) -> None:
        assert {row["id"]: row["text"] for row in unit.select(NOTES)} == mine
        assert {row["id"] for row in unit.page(NOTES, Page(100)).rows} == mine.keys()
        assert unit.count(NOTES) == len(mine)
        assert unit.max(N.id) == max(mine, default=None)
        for number in range(8):
            found = unit.get(NOTES, f"note_{number}")
            assert (None if found is None else found["text"]) == mine.get(f"note_{number}")
        first = unit.first(NOTES, N.id >= "", order_by=(N.id,))
        assert (None if first is None else first["id"]) == min(mine, default=None)

    store.do(principal, look)


def test_a_foreign_row_is_exactly_a_missing_one(store: Store) -> None:
    store.do(ANN, lambda unit: unit.insert(NOTES, {"id": "note_1", "text": "secret", "size": 3}))
    for principal in (BOB, EVE, TEAM):
        for key in ("note_1", "note_2"):
            answers = store.do(principal, lambda unit, key=key: _ask_everything(unit, key))  # type: ignore[misc]  # bound at once
            assert answers == [None, None, None, None, [], 0, 0, None, 0, False, 0], (principal, key)
    assert store.do(ANN, lambda unit: unit.select(NOTES))[0]["text"] == "secret"


def _ask_everything(unit: Owned, key: str) -> list[Any]:
    return [
        unit.get(NOTES, key),
        unit.get(NOTES, key, lock=True),
        unit.get_all(NOTES, [key]).get(key),
        unit.first(NOTES, N.id == key),
        list(unit.select(NOTES, N.id == key)),
        unit.count(NOTES, N.id == key),
        unit.sum(N.size, N.id == key),
        unit.max(N.text, N.id == key),
        unit.update(NOTES, {"text": "taken"}, N.id == key),
        unit.change(NOTES, key, {"text": "taken"}),
        unit.delete(NOTES, N.id == key),
    ]


# --- what cannot be said

ELSEWHERE: dict[str, Callable[[], Any]] = {
    "another table's column": lambda: OTHERS.c.id == "x",
    "another table's column beside an own one": lambda: N.id == OTHERS.c.note,
    "an alias of the same table": lambda: NOTES.alias().c.id == "x",
    "a subquery": lambda: N.id.in_(sa.select(OTHERS.c.note)),
    "exists": lambda: sa.exists().where(OTHERS.c.id == N.id),
    "a scalar subquery": lambda: N.id == sa.select(OTHERS.c.note).scalar_subquery(),
    "text": lambda: sa.text("1=1) OR (1=1"),
    "text inside": lambda: sa.or_(N.id == "x", sa.text("1=1")),
    "a literal column": lambda: sa.literal_column("1=1) OR (1=1"),
    "a column by name alone": lambda: sa.column(quoted_name("1) OR (1=1", quote=False)) == 1,
    "an operator spelt by hand": lambda: N.id.op("= '' OR 1=1 OR ''=")("x"),
    "a boolean operator spelt by hand": lambda: N.id.bool_op("= '' OR 1=1 OR ''=")("x"),
    "a function that runs SQL": lambda: sa.func.query_to_xml("select 1", True, False, "") == "x",
    "a function of a schema": lambda: sa.func.pg_catalog.lower(N.id) == "x",
    "a collation by name": lambda: N.id.collate("C") == "x",
    "a union": lambda: N.id.in_(sa.union(sa.select(OTHERS.c.note), sa.select(PLAIN.c.id))),
    "a window": lambda: sa.func.length(N.id).over() == 1,
    "any of a subquery": lambda: N.id == sa.any_(sa.select(OTHERS.c.note).scalar_subquery()),
    "a Python value": lambda: True,
    "a piece of SQL": lambda: "1=1",
    "a table": lambda: NOTES,
}


@pytest.mark.parametrize("what", ELSEWHERE)
@pytest.mark.parametrize(
    "way",
    [
        "select",
        "order",
        "first",
        "page",
        "update",
        "delete",
        "count",
        "sum",
        "max",
        "value",
        "changed",
        "inserted",
        "and",
    ],
)
def test_an_expression_that_looks_elsewhere_is_refused_wherever_it_stands(what: str, way: str) -> None:
    if (way, what) in {
        (way, what) for way in ("value", "changed", "inserted") for what in ("a Python value", "a piece of SQL")
    }:
        return  # as a value that is what it looks like
    expression = ELSEWHERE[what]()

    def work(unit: Owned) -> None:
        match way:
            case "select":
                unit.select(NOTES, expression)
            case "order":
                unit.select(NOTES, order_by=(expression,))
            case "first":
                unit.first(NOTES, order_by=(expression,))
            case "page":
                unit.page(NOTES, Page(), expression)
            case "update":
                unit.update(NOTES, {"text": ""}, expression)
            case "delete":
                unit.delete(NOTES, N.id == "x", expression)
            case "count":
                unit.count(NOTES, expression)
            case "sum":
                unit.sum(N.size, expression)
            case "max":
                unit.max(N.size, expression)
            case "value":
                unit.update(NOTES, {"text": expression})
            case "changed":
                unit.change(NOTES, "x", {"text": expression})
            case "inserted":
                unit.insert(NOTES, {"id": "note_9", "text": expression})
            case _:
                unit.select(NOTES, N.id == "x", expression)

    with sa.create_engine("sqlite://").connect() as connection, pytest.raises(TypeError):
        _unit(connection).do(work)
    connection.engine.dispose()


@pytest.mark.parametrize(
    "expression",
    [
        N.id == "x",
        sa.or_(N.id == "x", ~(N.size > 3), N.text.is_(None)),
        sa.and_(N.id.in_(["a", "b"]), N.size.between(1, 3)),
        N.text.like("a%", escape="/"),
        sa.func.lower(N.text) == "a",
        sa.case((N.size > 1, "a"), else_="b") == "a",
        sa.not_(sa.or_(N.size.is_(None), N.size == 1)),
        sa.tuple_(N.size, N.id) > sa.tuple_(sa.literal(1), sa.literal("a")),
        sa.cast(N.size, sa.String) == "1",
        sa.true(),
        N.size + 1 > 2,
    ],
    ids=str,
)
def test_usual_conditions_on_own_columns_are_fine(store: Store, expression: Any) -> None:
    store.do(ANN, lambda unit: unit.select(NOTES, expression))


def test_a_value_may_be_computed_out_of_the_same_row(store: Store) -> None:
    store.do(
        ANN, lambda unit: unit.insert(NOTES, {"id": "a", "text": "", "size": 1}, {"id": "b", "text": "", "size": 5})
    )
    store.do(ANN, lambda unit: unit.update(NOTES, {"size": N.size + 1}, N.size > 1))
    assert store.do(ANN, lambda unit: [row["size"] for row in unit.select(NOTES, order_by=(N.id,))]) == [1, 6]


def test_a_changed_row_takes_what_is_given_and_nothing_that_is_computed(store: Store) -> None:
    store.do(
        ANN, lambda unit: unit.insert(NOTES, {"id": "a", "text": "", "size": 1}, {"id": "b", "text": "", "size": 5})
    )
    assert store.do(ANN, lambda unit: unit.change(NOTES, "a", {"size": 2, "text": "new"}))
    assert store.do(ANN, lambda unit: unit.change(NOTES, "a", {"size": None}))
    rows = store.do(ANN, lambda unit: [(row["size"], row["text"]) for row in unit.select(NOTES, order_by=(N.id,))])
    assert rows == [(None, "new"), (5, "")]
    with pytest.raises(TypeError, match="computed"):
        store.do(ANN, lambda unit: unit.change(NOTES, "a", {"size": N.size + 1}))


@pytest.mark.parametrize(
    "values",
    [
        {"tenant": "evil"},
        {"owner": "bob"},
        {"text": "x", "owner": ""},
        {N.tenant: "evil"},
        {N.owner: "bob"},
        {quoted_name("owner", quote=True): "bob"},
        {"colour": "red"},
    ],
    ids=str,
)
def test_whose_a_row_is_can_be_written_by_nobody(store: Store, values: dict[Any, Any]) -> None:
    store.do(ANN, lambda unit: unit.insert(NOTES, {"id": "note_1", "text": "mine"}))
    with pytest.raises(TypeError):
        store.do(ANN, lambda unit: unit.update(NOTES, values))
    with pytest.raises(TypeError):
        store.do(ANN, lambda unit: unit.change(NOTES, "note_1", values))
    with pytest.raises(TypeError):
        store.do(ANN, lambda unit: unit.insert(NOTES, {"id": "note_2", "text": "", **values}))
    rows = store.raw(lambda connection: connection.execute(sa.select(N.id, N.tenant, N.owner, N.text)).all())
    assert rows == [("note_1", "acme", "ann", "mine")]


@pytest.mark.parametrize(
    "table", [PLAIN, NOTES.alias(), NOTES.join(OTHERS, sa.true()), sa.select(NOTES).subquery(), "notes"]
)
def test_what_is_no_table_of_owned_rows_is_refused(table: Any) -> None:
    works: list[Callable[[Owned], Any]] = [
        lambda unit: unit.select(table),
        lambda unit: unit.get(table, "x"),
        lambda unit: unit.insert(table, {"id": "x"}),
        lambda unit: unit.insert(table),
        lambda unit: unit.update(table, {"id": "x"}),
        lambda unit: unit.change(table, "x", {"id": "x"}),
        lambda unit: unit.delete(table),
        lambda unit: unit.count(table),
        lambda unit: unit.first(table),
        lambda unit: unit.page(table, Page(), key=N.id),
    ]
    if not isinstance(table, str) and hasattr(table, "c") and "id" in table.c:
        works += [lambda unit: unit.sum(table.c.id), lambda unit: unit.max(table.c.id)]
    with sa.create_engine("sqlite://").connect() as connection:
        for work in works:
            with pytest.raises(TypeError):
                _unit(connection).do(work)
    connection.engine.dispose()


@pytest.mark.parametrize("column", [sa.func.max(N.id), sa.literal_column("1"), PLAIN.c.id, "size", N.size + 1])
def test_an_aggregate_is_over_a_column_of_owned_rows(column: Any) -> None:
    with sa.create_engine("sqlite://").connect() as connection:
        for work in (lambda unit: unit.sum(column), lambda unit: unit.max(column)):
            with pytest.raises(TypeError):
                _unit(connection).do(work)
    connection.engine.dispose()


def test_a_page_is_ordered_by_a_column_of_its_table(store: Store) -> None:
    with pytest.raises(TypeError):
        store.do(ANN, lambda unit: unit.page(NOTES, Page(), key=OTHERS.c.id))


# --- the end of a unit


def test_a_unit_that_is_kept_beyond_its_work_refuses_everything(store: Store) -> None:
    kept = store.do(ANN, lambda unit: unit)
    with pytest.raises(TypeError, match="over"):
        kept.select(NOTES)
    with pytest.raises(TypeError, match="over"):
        kept.insert(NOTES, {"id": "x", "text": ""})


def test_a_statement_that_failed_undoes_the_unit_although_the_work_swallows_it(store: Store) -> None:
    store.do(ANN, lambda unit: unit.insert(NOTES, {"id": "note_1", "text": ""}))

    def work(unit: Owned) -> str:
        unit.insert(NOTES, {"id": "note_2", "text": ""})
        try:
            unit.insert(NOTES, {"id": "note_1", "text": ""})
        except Duplicate:
            return "never mind"
        return "never reached"

    with pytest.raises(Duplicate):
        store.do(ANN, work)
    assert store.do(ANN, lambda unit: unit.count(NOTES)) == 1


def test_a_taken_key_is_a_duplicate_whoever_has_taken_it(store: Store) -> None:
    store.do(ANN, lambda unit: unit.insert(NOTES, {"id": "note_1", "text": "", "slug": "s"}))
    with pytest.raises(Duplicate):
        store.do(BOB, lambda unit: unit.insert(NOTES, {"id": "note_1", "text": ""}))
    with pytest.raises(Duplicate):
        store.do(BOB, lambda unit: unit.insert(NOTES, {"id": "note_2", "text": "", "slug": "s"}))


def test_an_empty_column_that_must_not_be_is_a_mistake_and_no_duplicate(store: Store) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        store.do(ANN, lambda unit: unit.insert(NOTES, {"id": "note_1", "text": None}))


def test_text_that_postgresql_cannot_hold_is_refused_on_both(store: Store) -> None:
    with pytest.raises(InvalidRequest):
        store.do(ANN, lambda unit: unit.insert(NOTES, {"id": "a", "text": "x\0y"}))
    with pytest.raises(InvalidRequest):
        store.do(ANN, lambda unit: unit.update(NOTES, {"text": "x\0y"}))
    with pytest.raises(InvalidRequest):
        store.do(ANN, lambda unit: unit.change(NOTES, "a", {"text": "x\0y"}))
    assert not store.do(ANN, lambda unit: unit.change(NOTES, "x\0y", {"text": ""}))
    with pytest.raises(InvalidRequest):
        store.do(ANN, lambda unit: unit.select(NOTES, N.text == "x\0y"))
    with pytest.raises(InvalidRequest):
        store.do(ANN, lambda unit: unit.select(NOTES, N.text.in_(["a", "x\0y"])))
    assert store.do(ANN, lambda unit: unit.get(NOTES, "x\0y")) is None
    assert store.do(ANN, lambda unit: unit.get_all(NOTES, ["x\0y"])) == {}


def _unit(connection: sa.Connection) -> Owned:
    return Owned(connection, Scope(ANN))
