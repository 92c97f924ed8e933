"""What the contract promises, on both databases."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from database_notes import ANN, BOB, NOTES

from dinrail_core.errors import Conflict, Unavailable
from dinrail_sdk.sql.contract import Database, Duplicate
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.sql.units import Owned

if TYPE_CHECKING:
    from conftest import Elsewhere, Opener


def note(key: str, text: str = "") -> Any:
    def work(unit: Owned) -> str:
        unit.insert(NOTES, {"id": key, "text": text})
        return key

    return work


def keys(unit: Owned) -> list[str]:
    return [row["id"] for row in unit.select(NOTES, order_by=(NOTES.c.id,))]


async def test_what_was_written_is_read_by_its_owner_alone(database: Database) -> None:
    assert await database.write(ANN, note("a", "x")) == "a"
    await database.write(BOB, note("b"))
    assert await database.read(ANN, keys) == ["a"]
    assert await database.read(BOB, keys) == ["b"]


async def test_reads_follow_writes(database: Database) -> None:
    async def one(number: int) -> None:
        key = f"n{number:03}"
        await database.write(ANN, note(key))
        assert await database.read(ANN, lambda unit: unit.get(NOTES, key)) is not None
        await database.write(ANN, lambda unit: unit.update(NOTES, {"text": "new"}, NOTES.c.id == key))
        found = await database.read(ANN, lambda unit: unit.get(NOTES, key))
        assert found is not None
        assert found["text"] == "new"
        await database.write(ANN, lambda unit: unit.delete(NOTES, NOTES.c.id == key))
        assert await database.read(ANN, lambda unit: unit.get(NOTES, key)) is None

    await asyncio.gather(*(one(number) for number in range(40)))


async def test_a_unit_that_raises_leaves_nothing_and_its_error_is_the_callers(database: Database) -> None:
    def work(unit: Owned) -> None:
        unit.insert(NOTES, {"id": "a", "text": ""})
        raise Conflict("No.", param="x")

    with pytest.raises(Conflict) as caught:
        await database.write(ANN, work)
    assert caught.value.param == "x"
    assert await database.read(ANN, keys) == []


async def test_a_taken_key_is_a_duplicate(database: Database) -> None:
    await database.write(ANN, note("a"))
    with pytest.raises(Duplicate):
        await database.write(ANN, note("a"))
    assert await database.read(ANN, keys) == ["a"]


async def test_of_many_units_at_once_those_that_fail_cost_the_others_nothing(database: Database) -> None:
    def failing(unit: Owned) -> None:
        unit.insert(NOTES, {"id": f"bad{id(unit)}", "text": ""})
        raise KeyError("mine")

    await database.write(ANN, note("taken"))
    works = [note(f"n{n:02}") if n % 3 else (failing if n % 2 else note("taken")) for n in range(60)]
    outcomes = await asyncio.gather(*(database.write(ANN, work) for work in works), return_exceptions=True)
    for number, outcome in enumerate(outcomes):
        wanted = str if number % 3 else (KeyError if number % 2 else Duplicate)
        assert isinstance(outcome, wanted), (number, outcome)
    assert await database.read(ANN, keys) == sorted([*(f"n{n:02}" for n in range(60) if n % 3), "taken"])


async def test_a_unit_reads_one_snapshot(database: Database, elsewhere: Elsewhere) -> None:
    """Two looks of one unit see the same, whatever another process commits in between."""
    await database.write(ANN, note("a"))

    def work(unit: Owned) -> tuple[list[str], list[str]]:
        first = keys(unit)
        elsewhere("INSERT INTO notes (id, tenant, owner, text) VALUES ('b', 'acme', 'ann', '')")
        return first, keys(unit)

    assert await database.read(ANN, work) == (["a"], ["a"])
    assert await database.read(ANN, keys) == ["a", "b"]


async def test_a_read_that_writes_is_refused_and_writes_nothing(database: Database) -> None:
    with pytest.raises(Unavailable):
        await database.read(ANN, note("a"))
    assert await database.read(ANN, keys) == []
    assert await database.write(ANN, note("b")) == "b"


async def test_a_mistake_in_a_statement_is_no_outage(database: Database) -> None:
    ghosts = sa.Table(
        "ghosts", sa.MetaData(), *(sa.Column(name, sa.Text) for name in ("id", "tenant", "owner", "audience"))
    )
    ghosts.info.update(NOTES.info)
    for ask in (database.read, database.write):
        with pytest.raises(sa.exc.DBAPIError):
            await ask(ANN, lambda unit: unit.select(ghosts))
    assert await database.read(ANN, keys) == []
    assert await database.write(ANN, note("a")) == "a"


@pytest.mark.parametrize(
    "raised", [StopIteration(), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()], ids=repr
)
async def test_whatever_a_work_raises_the_database_goes_on(database: Database, raised: BaseException) -> None:
    def work(unit: Owned) -> None:
        unit.insert(NOTES, {"id": "a", "text": ""})
        raise raised

    with pytest.raises(BaseException) as caught:
        async with asyncio.timeout(20):
            await database.write(ANN, work)
    assert not isinstance(caught.value, TimeoutError)
    assert await database.read(ANN, keys) == []
    assert await database.write(ANN, note("b")) == "b"


async def test_who_is_cancelled_leaves_the_others_their_results(database: Database) -> None:
    tasks = [asyncio.create_task(database.write(ANN, note(f"n{number:02}"))) for number in range(30)]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes[::3])
    good = [outcome for number, outcome in enumerate(outcomes) if number % 3]
    assert good == [f"n{number:02}" for number in range(30) if number % 3]
    assert {*good} <= {*await database.read(ANN, keys)}


async def test_two_updates_of_a_locked_row_come_one_after_the_other(database: Database) -> None:
    await database.write(ANN, note("a", "0"))

    def add(unit: Owned) -> None:
        found = unit.get(NOTES, "a", lock=True)
        assert found is not None
        unit.update(NOTES, {"text": str(int(found["text"]) + 1)}, NOTES.c.id == "a")

    await asyncio.gather(*(database.write(ANN, add) for _ in range(40)))
    found = await database.read(ANN, lambda unit: unit.get(NOTES, "a"))
    assert found is not None
    assert found["text"] == "40"


async def test_maintenance_sees_every_owners_rows(database: Database) -> None:
    await database.write(ANN, note("a"))
    await database.write(BOB, note("b"))
    gone = await database.sweep(lambda connection: connection.execute(sa.delete(NOTES)).rowcount)
    assert gone == 2
    assert await database.read(ANN, keys) == []


async def test_what_was_acknowledged_is_there_after_closing_and_opening(open_database: Opener) -> None:
    async with open_database() as rail:
        database = await rail.service(Database)
        wanted = await asyncio.gather(*(database.write(ANN, note(new_id("note_"))) for _ in range(50)))
    async with open_database() as rail:
        database = await rail.service(Database)
        assert await database.read(ANN, keys) == sorted(wanted)


async def test_work_that_is_queued_when_the_database_closes_is_done(open_database: Opener) -> None:
    async with open_database() as rail:
        database = await rail.service(Database)
        tasks = [asyncio.create_task(database.write(ANN, note(f"n{number:02}"))) for number in range(20)]
        await asyncio.gather(*tasks[:1])
    async with asyncio.timeout(20):
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    good = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert all(isinstance(outcome, (str, Unavailable)) for outcome in outcomes)
    async with open_database() as rail:
        assert {*good} <= {*await (await rail.service(Database)).read(ANN, keys)}
    with pytest.raises(Unavailable):
        await database.write(ANN, note("late"))
