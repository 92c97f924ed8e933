"""The schema: upgraded once, by whoever comes first, and never backwards."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from database_notes import ANN, FIRST, NOTES, SECOND, Site

from dinrail_core.cli import main
from dinrail_core.errors import ConfigurationError, DinrailError, Unavailable
from dinrail_database.schema import Schema, Standing
from dinrail_sdk.sql.contract import Database

if TYPE_CHECKING:
    from conftest import Elsewhere, Opener


def sqlite_file(tmp_path: Path) -> Path:
    return tmp_path / "data/services/database/dinrail.db"


async def count(opener: Opener) -> int:
    async with opener() as rail:
        return await (await rail.service(Database)).read(ANN, lambda unit: unit.count(NOTES))


async def keep(opener: Opener, key: str) -> None:
    async with opener() as rail:
        await (await rail.service(Database)).write(ANN, lambda unit: unit.insert(NOTES, {"id": key, "text": ""}))


async def standings(opener: Opener) -> list[Standing]:
    async with opener() as rail:
        return list(await (await rail.service(Schema)).standings())


async def test_a_new_revision_is_applied_at_the_next_start_and_rows_stay(site: Site, open_database: Opener) -> None:
    await keep(open_database, "a")
    site.install("notes", FIRST, SECOND)
    assert await count(open_database) == 1
    assert await standings(open_database) == [Standing("notes", "notes_0002", "notes_0002", False)]


async def test_a_service_that_comes_later_gets_its_tables(site: Site, open_database: Opener) -> None:
    await keep(open_database, "a")
    site.install("more", 'op.create_table("more", sa.Column("id", sa.String(80), primary_key=True))')
    assert await count(open_database) == 1
    assert [one.current for one in await standings(open_database)] == ["more_0001", "notes_0001"]


async def test_tables_of_a_service_that_is_gone_are_left_alone(
    site: Site, open_database: Opener, elsewhere: Elsewhere
) -> None:
    site.install("more", 'op.create_table("more", sa.Column("id", sa.String(80), primary_key=True))')
    await keep(open_database, "a")
    elsewhere("INSERT INTO more (id) VALUES ('kept')")
    site.remove("more")
    assert await count(open_database) == 1
    elsewhere("UPDATE more SET id = 'still there' WHERE id = 'kept'")
    site.install("more", 'op.create_table("more", sa.Column("id", sa.String(80), primary_key=True))')
    assert [one.current for one in await standings(open_database)] == ["more_0001", "notes_0001"]


async def test_a_revision_that_fails_leaves_the_database_as_it_was(site: Site, open_database: Opener) -> None:
    await keep(open_database, "a")
    broken = 'op.create_table("half", sa.Column("id", sa.String(80), primary_key=True))\nraise RuntimeError("broken")'
    site.install("notes", FIRST, broken)
    site.install("aaa", 'op.create_table("aaa", sa.Column("id", sa.String(80), primary_key=True))')
    with pytest.raises(DinrailError, match="broken"):
        await count(open_database)
    site.install("notes", FIRST)
    site.remove("aaa")
    assert await count(open_database) == 1
    site.install("notes", FIRST, 'op.create_table("half", sa.Column("id", sa.String(80), primary_key=True))')
    assert await count(open_database) == 1


async def test_revisions_that_cannot_be_found_cost_the_others_nothing(site: Site, open_database: Opener) -> None:
    site.install("lost", FIRST)
    folder = site.folder / "dbtest_lost"
    (folder / "__init__.py").write_text("raise ImportError('no such library')")
    assert await count(open_database) == 0


async def test_a_database_that_is_newer_stops_the_start(site: Site, open_database: Opener) -> None:
    site.install("notes", FIRST, SECOND)
    await keep(open_database, "a")
    site.install("notes", FIRST)
    with pytest.raises(ConfigurationError, match=r"services.database: the database is newer .*notes_0002.*notes_0001"):
        async with open_database():
            pytest.fail("It has started.")
    site.install("notes", FIRST, SECOND)
    assert await count(open_database) == 1


@pytest.mark.parametrize("database_config", ["sqlite"], indirect=True)
@pytest.mark.parametrize("killed", [False, True], ids=["closed", "killed"])
async def test_a_file_that_is_newer_is_left_untouched_to_the_byte(
    site: Site, open_database: Opener, tmp_path: Path, killed: bool
) -> None:
    site.install("notes", FIRST, SECOND)
    await keep(open_database, "a")
    file = sqlite_file(tmp_path)
    if killed:  # with a log that waits for being moved into the file
        script = (
            f"import os, sqlite3; c = sqlite3.connect({str(file)!r}); c.execute('PRAGMA user_version=7'); os._exit(9)"
        )
        await asyncio.to_thread(subprocess.run, [sys.executable, "-c", script], check=False)
        assert file.with_name("dinrail.db-wal").stat().st_size > 0
    before = file.read_bytes()
    site.install("notes", FIRST)
    with pytest.raises(ConfigurationError):
        async with open_database():
            pytest.fail("It has started.")
    assert file.read_bytes() == before
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (7 if killed else 0,)


@pytest.mark.parametrize("database_config", ["sqlite"], indirect=True)
async def test_a_file_that_is_no_database_is_left_untouched(open_database: Opener, tmp_path: Path) -> None:
    file = sqlite_file(tmp_path)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"not a database, but somebody's diary" * 100)
    async with open_database() as rail:
        with pytest.raises(Unavailable, match="not a database"):
            await rail.service(Database)
    assert file.read_bytes() == b"not a database, but somebody's diary" * 100


START = """
import asyncio, json, sys
from importlib import metadata
from dinrail_database import revisions
from dinrail_sdk.testing import open_rail
from dinrail_sdk.sql.contract import Database

everywhere = metadata.entry_points
revisions.entry_points = lambda **wanted: metadata.EntryPoints(
    [point for point in everywhere(**wanted) if point.value.startswith("dbtest_")]
)

async def run(config):
    async with open_rail(plugins=["database"], config=config) as rail:
        sys.stdin.readline()
        database = await rail.service(Database)
        from database_notes import ANN, NOTES
        await database.write(ANN, lambda unit: unit.insert(NOTES, {"id": sys.argv[2], "text": ""}))
        print("good")

asyncio.run(run(json.loads(sys.argv[1])))
"""


@pytest.mark.parametrize("database_config", ["sqlite", "postgresql"], indirect=True)
async def test_processes_that_start_together_upgrade_once(
    site: Site, database_config: dict[str, Any], open_database: Opener, tmp_path: Path
) -> None:
    # A second run of the first revision would fail, since its table is there.
    config = json.dumps({"data_dir": str(tmp_path / "data"), **database_config})
    path = os.pathsep.join([str(site.folder), str(Path(__file__).parent)])
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            START,
            config,
            f"note_{number}",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )
        for number in range(4)
    ]
    outcomes = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    assert [(process.returncode, out) for process, (out, _) in zip(processes, outcomes, strict=True)] == [
        (0, b"good\n")
    ] * 4, [err.decode()[-2000:] for _, err in outcomes]
    assert await count(open_database) == 4


# --- dinrail db


def run(
    capsys: pytest.CaptureFixture[str], config: dict[str, Any], tmp_path: Path, *arguments: str
) -> tuple[int, str, str]:
    file = tmp_path / "dinrail.toml"
    url = config.get("services", {}).get("database", {}).get("url")
    file.write_text(f'[services.database]\nurl = "{url}"\n' if url else "")
    code = main(["db", *arguments, "--config", str(file), "--data-dir", str(tmp_path / "data")])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command_tells_where_the_tables_stand_and_upgrades_them(
    site: Site, database_config: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def db(action: str) -> tuple[int, str, str]:
        return run(capsys, database_config, tmp_path, action)

    assert db("check") == (1, "notes: nothing yet (behind notes_0001)\n", "")
    assert db("current") == (0, "notes  nothing yet (behind notes_0001)\n", "")
    assert not (tmp_path / "data").exists()
    assert db("upgrade") == (0, "notes: nothing -> notes_0001\n", "")
    code, out, err = db("check")
    assert (code, err) == (0, "")
    assert out.endswith(" is up to date.\n")
    site.install("notes", FIRST, SECOND)
    assert db("check") == (1, "notes: notes_0001 (behind notes_0002)\n", "")
    assert db("check")[0] == 1, "a look must not upgrade"
    assert db("upgrade") == (0, "notes: notes_0001 -> notes_0002\n", "")
    code, out, err = db("upgrade")
    assert (code, err) == (0, "")
    assert out.startswith("Nothing to do: ")
    assert db("current") == (0, "notes  notes_0002\n", "")


def test_the_command_says_that_a_database_is_newer_and_leaves_it(
    site: Site, database_config: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.install("notes", FIRST, SECOND)
    assert run(capsys, database_config, tmp_path, "upgrade")[0] == 0
    site.install("notes", FIRST)
    said = "notes_0002 (newer than this program, which knows notes_0001)\n"
    assert run(capsys, database_config, tmp_path, "check") == (1, f"notes: {said}", "")
    assert run(capsys, database_config, tmp_path, "current") == (0, f"notes  {said}", "")
    code, out, err = run(capsys, database_config, tmp_path, "upgrade")
    assert (code, out) == (1, "")
    assert err.startswith("dinrail: services.database: the database is newer than this program")
    site.install("notes", FIRST, SECOND)
    assert run(capsys, database_config, tmp_path, "check")[0] == 0


def test_the_command_never_shows_a_password(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = {"services": {"database": {"url": "postgresql://u:hidden-word@127.0.0.1:9/x"}}}
    code, out, err = run(capsys, config, tmp_path, "upgrade")
    assert (code, out) == (1, "")
    assert "hidden-word" not in err
    assert "cannot be reached" in err
