"""Kills at random moments: what was acknowledged is there, and nothing else is left."""

from __future__ import annotations

import asyncio
import hashlib
import random
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import openai
import pytest
from processes import Process
from stock import LEASE, Stock, looking_at, settled

WRITERS = 4


class Writer(threading.Thread):
    """Creates, assembles and deletes until the server is gone.

    Attributes:
        kept: The hashes of files that were acknowledged, by id.
        deleted: Ids of files whose deletion was acknowledged.
    """

    def __init__(self, process: Process, seed: int) -> None:
        super().__init__()
        self._client = process.client()
        self._random = random.Random(seed)
        self.kept: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.done = 0

    def run(self) -> None:
        with self._client as client:
            try:
                while True:
                    self._step(client)
                    self.done += 1
            except openai.APIError:
                return

    def _step(self, client: openai.OpenAI) -> None:
        data = self._random.randbytes(self._random.choice([10, 5_000, 400_000]))
        choice = self._random.random()
        if choice < 0.5:
            file_id = client.files.create(file=("a", data), purpose="user_data").id
        elif choice < 0.7 and self.kept:
            file_id = self._random.choice(list(self.kept))
            del self.kept[file_id]  # from now on it may be there or not
            client.files.delete(file_id)
            self.deleted.add(file_id)
            return
        else:
            upload = client.uploads.create(bytes=len(data), filename="b", mime_type="text/plain", purpose="user_data")
            middle = len(data) // 2
            ids = [client.uploads.parts.create(upload.id, data=part).id for part in (data[:middle], data[middle:])]
            done = client.uploads.complete(upload.id, part_ids=ids)
            assert done.file is not None
            file_id = done.file.id
        self.kept[file_id] = hashlib.sha256(data).hexdigest()


def wait_for(writers: list[Writer], steps: int) -> None:
    """Wait until so many operations have been acknowledged."""
    deadline = time.monotonic() + 60
    while sum(writer.done for writer in writers) < steps:
        assert time.monotonic() < deadline
        assert any(writer.is_alive() for writer in writers)
        time.sleep(0.005)


def checked(database: dict[str, Any], folder: Path) -> Stock:
    async def look() -> Stock:
        async with looking_at(database, folder) as rail:
            return await settled(rail, folder)

    return asyncio.run(look())


def kill_rounds(database: dict[str, Any], folder: Path, rounds: int) -> None:
    services = {**database.get("services", {}), "files": {"lease": LEASE}, "uploads": {"lease": LEASE}}
    process = Process(folder, services)
    kept: dict[str, str] = {}
    deleted: set[str] = set()
    for number in range(rounds):
        process.start()
        writers = [Writer(process, number * 100 + index) for index in range(WRITERS)]
        for writer in writers:
            writer.start()
        moment = random.Random(number)
        wait_for(writers, moment.randrange(5, 60))
        time.sleep(moment.uniform(0, 0.05))  # anywhere within an operation
        process.kill()
        for writer in writers:
            writer.join(60)
            kept |= writer.kept
            deleted |= writer.deleted
        stock = checked(database, folder)
        assert kept.keys() <= stock.files.keys()
        assert not deleted & stock.files.keys()
    process.start()
    with process.client() as client:
        found = {file.id for file in client.files.list()}
        assert kept.keys() <= found
        for file_id, sha256 in kept.items():
            assert hashlib.sha256(client.files.content(file_id).content).hexdigest() == sha256
        for file_id in found - kept.keys():
            assert len(client.files.content(file_id).content) == client.files.retrieve(file_id).bytes
    process.stop()
    file = folder / "services" / "database" / "dinrail.db"
    if file.exists():
        with sqlite3.connect(file) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_kill_loses_what_was_acknowledged_or_leaves_anything(
    database_config: dict[str, Any], tmp_path: Path
) -> None:
    kill_rounds(database_config, tmp_path, 3)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_many_kills_lose_nothing(database_config: dict[str, Any], tmp_path: Path) -> None:
    kill_rounds(database_config, tmp_path, 20)
