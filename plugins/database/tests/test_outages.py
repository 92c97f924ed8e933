"""What a database that does not work costs: a clear answer in time, and nothing once it works again."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from database_notes import ANN, NOTES, Site

from dinrail_core.errors import ConfigurationError, Unavailable
from dinrail_core.hooks import Rail
from dinrail_database.sqlite import connect_sqlite
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.units import Owned
from dinrail_sdk.testing import open_rail
from dinrail_sdk.testing.databases import PostgreSQL

if TYPE_CHECKING:
    from conftest import Opener

T = TypeVar("T")
on_sqlite = pytest.mark.parametrize("database_config", ["sqlite"], indirect=True)


def note(key: str, text: str = "") -> Callable[[Owned], str]:
    def work(unit: Owned) -> str:
        unit.insert(NOTES, {"id": key, "text": text})
        return key

    return work


def count(unit: Owned) -> int:
    return unit.count(NOTES)


@contextmanager
def locked(tmp_path: Path) -> Iterator[None]:
    """The file locked by another program's transaction."""
    with closing(
        sqlite3.connect(tmp_path / "data/services/database/dinrail.db", isolation_level=None, check_same_thread=False)
    ) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


async def until(limit: float, ask: Callable[[], Awaitable[T]]) -> tuple[T, float]:
    """Ask again and again until it works; returns the answer and the seconds that it took."""
    begun = time.monotonic()
    while True:
        try:
            return await ask(), time.monotonic() - begun
        except Unavailable:
            if time.monotonic() - begun > limit:
                raise
            await asyncio.sleep(0.05)


# --- locked


@on_sqlite
async def test_a_file_that_is_locked_for_three_seconds_is_waited_for(open_database: Opener, tmp_path: Path) -> None:
    async with open_database() as rail:
        database = await rail.service(Database)
        await database.write(ANN, note("a"))
        with locked(tmp_path):
            waiting = asyncio.create_task(database.write(ANN, note("b")))
            assert await database.read(ANN, count) == 1, "reads go on"
            await asyncio.wait({waiting}, timeout=3)
            assert not waiting.done()
        assert await waiting == "b"


@on_sqlite
async def test_a_file_that_stays_locked_is_unavailable_after_the_configured_time(
    open_database: Opener, tmp_path: Path
) -> None:
    async with open_database(lock_timeout=1) as rail:
        database = await rail.service(Database)
        await database.write(ANN, note("a"))
        with locked(tmp_path):
            begun = time.monotonic()
            with pytest.raises(Unavailable, match="locked") as caught:
                await database.write(ANN, note("b"))
            assert 0.9 < time.monotonic() - begun < 4
            assert caught.value.retry_after
            assert await database.read(ANN, count) == 1
        assert await database.write(ANN, note("b")) == "b"
        assert await database.read(ANN, count) == 2


@pytest.mark.slow
@on_sqlite
async def test_by_default_ten_seconds_of_a_lock_are_too_long(open_database: Opener, tmp_path: Path) -> None:
    async with open_database() as rail:
        database = await rail.service(Database)
        await database.write(ANN, note("a"))
        with locked(tmp_path):
            begun = time.monotonic()
            with pytest.raises(Unavailable):
                async with asyncio.timeout(10):
                    await database.write(ANN, note("b"))
            assert time.monotonic() - begun > 3


async def test_a_row_that_another_process_holds_is_waited_for_no_longer_than_configured(
    site: Site, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    import asyncpg

    url = postgresql.create()
    config = {"data_dir": str(tmp_path), "services": {"database": {"url": url, "lock_timeout": 0.5}}}
    async with open_rail(plugins=["database"], config=config) as rail:
        database = await rail.service(Database)
        await database.write(ANN, note("a"))
        other = await asyncpg.connect(url)
        holding = other.transaction()
        await holding.start()
        await other.execute("SELECT 1 FROM notes FOR UPDATE")

        def change(unit: Owned) -> int:
            return unit.update(NOTES, {"text": "x"}, NOTES.c.id == "a")

        with pytest.raises(Unavailable, match="locked") as caught:
            await database.write(ANN, change)
        assert caught.value.retry_after
        await holding.rollback()
        await other.close()
        assert await database.write(ANN, change) == 1
    postgresql.drop(url)


# --- full


@on_sqlite
async def test_a_full_database_refuses_writes_cleanly_goes_on_reading_and_recovers(
    open_database: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every connection is limited to the pages that are there, as by a full disk."""
    from dinrail_database import sqlite

    async with open_database() as rail:
        await (await rail.service(Database)).write(ANN, note("a"))
    prepare = sqlite._prepare

    def limited(connection: sqlite3.Connection, record: Any) -> None:
        prepare(connection, record)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages + 4}")

    monkeypatch.setattr(sqlite, "_prepare", limited)
    async with open_database() as rail:
        database = await rail.service(Database)
        assert await database.write(ANN, note("small")) == "small"
        tasks = [database.write(ANN, note(f"big{n}", "x" * 100_000)) for n in range(3)]
        outcomes = await asyncio.gather(*tasks, database.read(ANN, count), return_exceptions=True)
        for outcome in outcomes[:3]:
            assert isinstance(outcome, Unavailable)
            assert "no room" in outcome.message
            assert outcome.retry_after
        assert await database.read(ANN, count) == 2
        await database.write(ANN, lambda unit: unit.delete(NOTES, NOTES.c.id == "a"))  # making room must work
        assert await database.write(ANN, note("small2")) == "small2"
    monkeypatch.undo()
    async with open_database() as rail:
        database = await rail.service(Database)
        assert await database.write(ANN, note("big", "x" * 100_000)) == "big"
        assert await database.read(ANN, count) == 3


FULL_DISK = """
    import asyncio, json, resource, signal, sqlite3, sys
    from dinrail_core.errors import Unavailable
    from dinrail_database.sqlite import SQLiteDatabase, connect_sqlite
    from dinrail_sdk.sql.contract import Database
    from database_notes import ANN, NOTES
    from pathlib import Path

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    file = Path(sys.argv[1])

    async def run():
        engine = connect_sqlite(file, 5)
        database = SQLiteDatabase(engine, 2)
        database.start()
        note = lambda key: lambda unit: unit.insert(NOTES, {"id": key, "text": "x" * 3000})
        good, bad = [], 0
        await database.write(ANN, note("first"))
        unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
        size = file.with_name(file.name + "-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + int(sys.argv[2]), unlimited[1]))
        for number in range(40):
            try:
                await database.write(ANN, note(f"n{number:02}"))
                good.append(f"n{number:02}")
            except Unavailable as error:
                assert error.retry_after, error
                bad += 1
            assert await database.read(ANN, lambda unit: unit.count(NOTES)) == len(good) + 1
        assert bad
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        await database.write(ANN, note("after"))
        seen = await database.read(ANN, lambda unit: [row["id"] for row in unit.select(NOTES)])
        assert sorted(seen) == sorted(["first", *good, "after"]), (seen, good)
        await asyncio.to_thread(database.stop)
        (sound,) = sqlite3.connect(file).execute("PRAGMA integrity_check").fetchone()
        print(sound, bad)

    asyncio.run(run())
"""


@pytest.mark.parametrize("room", [0, 100, 5_000, 30_000, 70_001])
def test_a_disk_that_takes_no_more_bytes_costs_nothing_that_was_acknowledged(tmp_path: Path, room: int) -> None:
    """The kernel refuses to let files grow beyond a limit, wherever within a page that is."""
    file = tmp_path / "full.db"
    engine = connect_sqlite(file, 5)
    with engine.connect() as connection:
        NOTES.create(connection)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL_DISK), str(file), str(room)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("ok ")


# --- PostgreSQL is gone


@asynccontextmanager
async def opened(server: PostgreSQL, url: str, tmp_path: Path) -> AsyncIterator[Rail]:
    config = {"data_dir": str(tmp_path), "services": {"database": {"url": url, "connections": 4}}}
    async with open_rail(plugins=["database"], config=config) as rail:
        yield rail


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
async def test_a_server_that_is_gone_is_unavailable_at_once_and_used_again_when_it_is_back(
    site: Site, own_postgresql: PostgreSQL, tmp_path: Path, how: signal.Signals
) -> None:
    url = own_postgresql.create()
    async with opened(own_postgresql, url, tmp_path) as rail:
        database = await rail.service(Database)
        await asyncio.gather(
            *(database.write(ANN, note(f"n{number}")) for number in range(8))
        )  # connections are pooled
        await asyncio.to_thread(own_postgresql.stop, how)
        begun = time.monotonic()
        asked = [database.read(ANN, count) if n % 2 else database.write(ANN, note(f"lost{n}")) for n in range(20)]
        for outcome in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(outcome, Unavailable), outcome
            assert outcome.retry_after
        assert time.monotonic() - begun < 2
        await asyncio.to_thread(own_postgresql.start)
        found, seconds = await until(5, lambda: database.read(ANN, count))
        assert (found, seconds < 5) == (8, True)
        assert await database.write(ANN, note("back")) == "back", "the first write finds no dead connection"


async def test_a_restart_between_two_requests_is_noticed_by_nobody(
    site: Site, own_postgresql: PostgreSQL, tmp_path: Path
) -> None:
    url = own_postgresql.create()
    async with opened(own_postgresql, url, tmp_path) as rail:
        database = await rail.service(Database)
        await asyncio.gather(*(database.write(ANN, note(f"n{number}")) for number in range(8)))
        await asyncio.to_thread(own_postgresql.stop)
        await asyncio.to_thread(own_postgresql.start)
        outcomes = await asyncio.gather(*(database.write(ANN, note(f"m{number}")) for number in range(8)))
        assert outcomes == [f"m{number}" for number in range(8)]


async def test_a_server_that_is_down_at_the_start_is_used_when_it_comes(
    site: Site, own_postgresql: PostgreSQL, tmp_path: Path
) -> None:
    url = own_postgresql.create()
    await asyncio.to_thread(own_postgresql.stop)
    begun = time.monotonic()
    async with opened(own_postgresql, url, tmp_path) as rail:
        assert time.monotonic() - begun < 5, "a dead database never blocks the start"
        database = await rail.service(Database)
        begun = time.monotonic()
        outcomes = await asyncio.gather(*(database.read(ANN, count) for _ in range(20)), return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {Unavailable}
        assert time.monotonic() - begun < 2, "they share one try"
        await asyncio.to_thread(own_postgresql.start)
        found, seconds = await until(5, lambda: database.write(ANN, note("a")))
        assert (found, seconds < 5) == ("a", True)


async def test_a_server_that_accepts_and_says_nothing_is_unavailable_within_two_seconds(
    site: Site, tmp_path: Path
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with opened(PostgreSQL.__new__(PostgreSQL), f"postgresql://u@127.0.0.1:{port}/x", tmp_path) as rail:
        database = await rail.service(Database)
        begun = time.monotonic()
        with pytest.raises(Unavailable):
            await database.read(ANN, count)
        assert time.monotonic() - begun < 3
    server.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("not a url", "not a URL"),
        ("mysql://u:hidden-word@h/x", "only postgresql://"),
        ("postgresql://u:hidden-word@h:port/x", "not a URL"),
    ],
)
async def test_a_url_that_is_none_stops_the_start_without_being_repeated(
    site: Site, tmp_path: Path, url: str, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        async with open_rail(plugins=["database"], config={"services": {"database": {"url": url}}}):
            pytest.fail("It has started.")
    assert "hidden-word" not in str(caught.value)
    assert caught.value.key == "services.database.url"


async def test_a_database_that_does_not_exist_stops_the_start(site: Site, postgresql: PostgreSQL) -> None:
    config = {"services": {"database": {"url": postgresql.database_url("nobody_made_it")}}}
    with pytest.raises(ConfigurationError, match="does not let this program in"):
        async with open_rail(plugins=["database"], config=config):
            pytest.fail("It has started.")
