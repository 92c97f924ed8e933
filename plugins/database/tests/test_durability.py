"""What was acknowledged survives a kill at any moment."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from database_notes import ANN, BOB, NOTES, Site

from dinrail_sdk.sql.contract import Database

if TYPE_CHECKING:
    from conftest import Opener

PROCESS = """
    import asyncio, json, os, sys
    from importlib import metadata
    from dinrail_database import revisions
    from dinrail_sdk.sql.contract import Database
    from dinrail_sdk.sql.ids import new_id
    from dinrail_sdk.testing import open_rail
    from database_notes import ANN, BOB, NOTES

    everywhere = metadata.entry_points
    revisions.entry_points = lambda **wanted: metadata.EntryPoints(
        [point for point in everywhere(**wanted) if point.value.startswith("dbtest_")]
    )

    def say(*words):
        os.write(1, (" ".join(words) + "\\n").encode())

    async def write(database):
        while True:
            pair = new_id("note_")
            def work(unit):  # both or none
                unit.insert(NOTES, {"id": pair + "a", "text": "x" * 200})
                unit.insert(NOTES, {"id": pair + "b", "text": "x" * 200})
            await database.write(ANN, work)
            say("kept", pair)
            if pair[-1] in "01234":
                say("deleting", pair)
                await database.write(ANN, lambda unit: unit.delete(NOTES, NOTES.c.id.in_([pair + "a", pair + "b"])))
                say("deleted", pair)

    async def run(config):
        async with open_rail(plugins=["database"], config=config) as rail:
            database = await rail.service(Database)
            await asyncio.gather(*(write(database) for _ in range(16)))

    asyncio.run(run(json.loads(sys.argv[1])))
"""

ROUNDS = [pytest.param(3), pytest.param(20, marks=pytest.mark.soak)]


@pytest.mark.parametrize("rounds", ROUNDS)
async def test_what_was_acknowledged_survives_kill_9(
    site: Site, open_database: Opener, database_config: dict[str, Any], tmp_path: Path, rounds: int
) -> None:
    chance = random.Random(rounds)
    config = json.dumps({"data_dir": str(tmp_path / "data"), **database_config})
    kept: set[str] = set()
    maybe: set[str] = set()
    gone: set[str] = set()
    for _ in range(rounds):
        before = len(kept)
        for word, pair in _killed_at_a_random_moment(site, config, chance):
            if word == "kept":
                kept.add(pair)
            elif word == "deleting":
                kept.discard(pair)
                maybe.add(pair)
            else:
                maybe.discard(pair)
                gone.add(pair)
        assert len(kept) > before, "nothing was written before the kill"
        if not database_config:
            file = tmp_path / "data/services/database/dinrail.db"
            with closing(sqlite3.connect(file)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        async with open_database() as rail:
            database = await rail.service(Database)
            found = await database.read(ANN, lambda unit: [row["id"] for row in unit.select(NOTES)])
            assert await database.read(BOB, lambda unit: unit.count(NOTES)) == 0
        pairs = {key[:-1] for key in found}
        assert len(found) == 2 * len(pairs), "half of a unit is there"
        assert not kept - pairs, "acknowledged, and lost"
        assert not gone & pairs, "acknowledged as deleted, and back again"
        # What was under way when the process died may be there or not; the next rounds must not lose it either.
        maybe -= pairs
        kept |= pairs


def _killed_at_a_random_moment(site: Site, config: str, chance: random.Random) -> list[tuple[str, str]]:
    """What a process had said when it was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROCESS), config],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(site.folder), str(Path(__file__).parent)])},
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(chance.uniform(0.01, 0.4))  # the moment is random on purpose
        process.send_signal(signal.SIGKILL)
        lines = (first + process.stdout.read()).decode().splitlines()
    return [(word, pair) for word, _, pair in (line.partition(" ") for line in lines)]
