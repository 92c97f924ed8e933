"""A server is killed in the middle of a thousand writes: what it acknowledged is there, and nothing is in half."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import re
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from dinrail_sdk.sql.contract import Database
from dinrail_sdk.testing import open_rail

WRITES = 1_000
WRITERS = 8
LEASE = 1.0

ROUNDS = [pytest.param(3), pytest.param(20, marks=pytest.mark.soak)]

ORPHANS = {
    "items without a conversation": "SELECT count(*) FROM conversation_items "
    "WHERE conversation_id NOT IN (SELECT id FROM conversations)",
    "versions without a prompt": "SELECT count(*) FROM prompt_versions WHERE prompt_id NOT IN (SELECT id FROM prompts)",
    "prompts without their newest version": "SELECT count(*) FROM prompts "
    "WHERE id || ':' || latest_version NOT IN (SELECT id FROM prompt_versions)",
}


class Gone(Exception):
    """The server does not answer any more."""


@dataclass
class World:
    """What was acknowledged; what a request that was never answered was about is in none of these.

    Attributes:
        files: Hashes by id.
        prompts: Texts by id, one for each version.
        conversations: Ids of items by id, in order.
        deleted: Paths of what was deleted.
        doubtful: Paths of what may be there or not.
        writes: How many there were.
    """

    files: dict[str, str] = field(default_factory=dict)
    prompts: dict[str, list[str]] = field(default_factory=dict)
    conversations: dict[str, list[str]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)
    writes: int = 0


class Writer:
    """Writes on and on.

    Args:
        client: Of the server.
        world: Where it says what was acknowledged.
        chance: What it does next.
    """

    def __init__(self, client: aiohttp.ClientSession, world: World, chance: random.Random) -> None:
        self._client = client
        self._world = world
        self._chance = chance

    async def run(self) -> None:
        """Until the server is gone."""
        steps = (
            self._file,
            self._prompt,
            self._version,
            self._conversation,
            self._items,
            self._delete_item,
            self._delete,
        )
        try:
            while True:
                await self._chance.choice(steps)()
        except Gone:
            return

    async def _file(self) -> None:
        data = self._chance.randbytes(self._chance.choice([10, 5_000, 60_000]))
        form = aiohttp.FormData({"purpose": "user_data"})
        form.add_field("file", data, filename="a")
        made = await self._send("POST", "files", data=form)
        self._world.files[made["id"]] = hashlib.sha256(data).hexdigest()

    async def _prompt(self) -> None:
        text = self._text()
        made = await self._send("POST", "prompts", json={"prompt": text})
        self._world.prompts[made["prompt_id"]] = [text]

    async def _version(self) -> None:
        found = self._take(self._world.prompts, "prompts")
        if found is not None:
            key, texts = found
            text = self._text()
            await self._send("PUT", f"prompts/{key}", json={"prompt": text, "version": len(texts)})
            self._give_back(self._world.prompts, "prompts", key, [*texts, text])

    async def _conversation(self) -> None:
        made = await self._send("POST", "conversations", json={"items": [_message(self._text())]})
        key = made["id"]
        items = await self._send("GET", f"conversations/{key}/items")
        self._world.conversations[key] = [item["id"] for item in items["data"]]

    async def _items(self) -> None:
        found = self._take(self._world.conversations, "conversations")
        if found is not None:
            key, items = found
            text = self._text()
            body = {"items": [_message(f"{text} {part}") for part in "abc"]}
            added = await self._send("POST", f"conversations/{key}/items", json=body)
            new = [item["id"] for item in added["data"]]
            self._give_back(self._world.conversations, "conversations", key, [*items, *new])

    async def _delete_item(self) -> None:
        """The oldest of those that were added together."""
        found = self._take(self._world.conversations, "conversations")
        if found is not None:
            key, items = found
            if items[1:]:
                gone = items.pop(1)
                await self._send("DELETE", f"conversations/{key}/items/{gone}")
                self._world.deleted.add(f"conversations/{key}/items/{gone}")
            self._give_back(self._world.conversations, "conversations", key, items)

    async def _delete(self) -> None:
        kinds: list[tuple[str, dict[str, Any]]] = [
            ("files", self._world.files),
            ("prompts", self._world.prompts),
            ("conversations", self._world.conversations),
        ]
        kind, things = self._chance.choice(kinds)
        found = self._take(things, kind)
        if found is not None:
            path = f"{kind}/{found[0]}"
            await self._send("DELETE", path)
            self._world.doubtful.discard(path)
            self._world.deleted.add(path)

    def _take(self, things: dict[str, Any], kind: str) -> tuple[str, Any] | None:
        """One that nobody else is at; until it is given back, nothing can be said of it."""
        if not things:
            return None
        key = self._chance.choice(list(things))
        self._world.doubtful.add(f"{kind}/{key}")
        return key, things.pop(key)

    def _give_back(self, things: dict[str, Any], kind: str, key: str, value: Any) -> None:
        self._world.doubtful.discard(f"{kind}/{key}")
        things[key] = value

    async def _send(self, method: str, path: str, **body: Any) -> Any:
        try:
            async with self._client.request(method, path, **body) as answer:
                text = await answer.read()
        except aiohttp.ClientError as error:
            raise Gone from error
        assert answer.status < 300, (method, path, answer.status, text)
        self._world.writes += method != "GET"
        return json.loads(text) if text else None

    def _text(self) -> str:
        return f"text {self._chance.random()}"


def _message(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


@asynccontextmanager
async def process(config: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """``dinrail serve`` and its URL; killed at the end."""
    server = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("dinrail"),
        *("serve", "--config", str(config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if not name.startswith("DINRAIL_")},
    )
    assert server.stdout is not None
    try:
        async with asyncio.timeout(90):
            while (
                found := re.search(r"http://127\.0\.0\.1:\d+", line := (await server.stdout.readline()).decode())
            ) is None:
                assert line, "it does not start"
        yield server, f"{found[0]}/v1/"
    finally:
        if server.returncode is None:
            server.kill()
        await server.communicate()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("rounds", ROUNDS)
async def test_no_kill_loses_what_was_acknowledged_or_leaves_a_part_of_anything(
    database_config: dict[str, Any], tmp_path: Path, rounds: int
) -> None:
    config = tmp_path / "dinrail.toml"
    url = database_config.get("services", {}).get("database", {}).get("url")
    config.write_text(
        f'data_dir = "{tmp_path / "data"}"\n[server]\nport = 0\naccess_log = false\n'
        f"[services.files]\nlease = {LEASE}\n" + (f'[services.database]\nurl = "{url}"\n' if url else "")
    )
    world = World()
    for number in range(rounds):
        chance = random.Random(number)
        moment = world.writes + chance.randrange(20, WRITES)
        async with process(config) as (server, where), aiohttp.ClientSession(where) as client:
            writers = [
                asyncio.create_task(Writer(client, world, random.Random(number * 100 + index)).run())
                for index in range(WRITERS)
            ]
            async with asyncio.timeout(120):
                while world.writes < moment:
                    done = [writer for writer in writers if writer.done()]
                    assert not done, done[0].exception()
                    await asyncio.sleep(0.002)
            server.kill()
            await asyncio.gather(*writers)
    async with process(config) as (_, where), aiohttp.ClientSession(where) as client:
        await check(client, world)
    await check_rows({"data_dir": str(tmp_path / "data"), **database_config}, tmp_path / "data")


async def check(client: aiohttp.ClientSession, world: World) -> None:
    """See that the server has what it acknowledged."""

    async def got(path: str) -> bytes:
        async with client.get(path) as answer:
            assert answer.status == 200, path
            return await answer.read()

    for key, sha256 in world.files.items():
        assert hashlib.sha256(await got(f"files/{key}/content")).hexdigest() == sha256
    for key, texts in world.prompts.items():
        versions = json.loads(await got(f"prompts/{key}/versions"))["data"]
        assert [version["prompt"] for version in versions] == texts
    for key, ids in world.conversations.items():
        items = json.loads(await got(f"conversations/{key}/items?order=asc&limit=100"))["data"]
        assert [item["id"] for item in items] == ids[:100]
    for path in world.deleted:
        async with client.get(path) as answer:
            assert answer.status == 404, path
    for path in world.doubtful:
        async with client.get(path) as answer:
            assert answer.status in (200, 404), path
            if answer.status == 200 and path.startswith("conversations/"):
                items = json.loads(await got(f"{path}/items?order=asc&limit=100"))["data"]
                _check_whole([item["content"][0]["text"] for item in items])


def _check_whole(texts: list[str]) -> None:
    """Three were added at once, or none, and they are deleted from the first one on."""
    parts: dict[str, str] = {}
    for text in texts[1:99]:  # the first one came with the conversation, and a page may end within three
        head, _, part = text.rpartition(" ")
        parts[head] = parts.get(head, "") + part
    for head, found in list(parts.items())[: None if len(texts) < 99 else -1]:
        assert "abc".endswith(found), (head, found)


async def check_rows(config: dict[str, Any], folder: Path) -> None:
    """See that no row is without what it belongs to, that rows and bytes agree, and that the file is sound."""
    async with open_rail(plugins=("blobs", "conversations", "database", "files", "prompts"), config=config) as rail:
        database = await rail.service(Database)
        for what, question in ORPHANS.items():
            assert await database.sweep(lambda one, q=question: one.exec_driver_sql(q).scalar()) == 0, what  # type: ignore[misc]  # a loop's variable
        rows = await database.sweep(lambda one: one.exec_driver_sql("SELECT blob FROM files").scalars().all())
        loose = await database.sweep(lambda one: one.exec_driver_sql("SELECT count(*) FROM file_loose_blobs").scalar())
    names = {path.name for path in (folder / "services" / "blobs").rglob("*") if path.is_file()}
    assert set(rows) <= names
    assert len(names - set(rows)) <= (loose or 0), "bytes that no row knows"
    file = folder / "services" / "database" / "dinrail.db"
    if file.exists():
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
