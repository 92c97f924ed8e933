"""What belongs to one object is found by what it belongs to, and not among all that its owner has stored.

SQLite is asked how it would run every statement that an operation has run; PostgreSQL keeps statistics by itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import Engine, event

from dinrail_sdk.testing import OPENAI, FakeUpstream, Served, serve

PLUGINS = ["blobs", "conversations", "database", "files", "jobs", "openai-compatible", "prompts", "responses"]
MESSAGE = {"type": "message", "role": "user", "content": "Hi."}


class Statements:
    """What is run, as SQLite has run it.

    Attributes:
        folder: Where the database is.
        seen: Statements with their values.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: list[str] = []

    def plans(self) -> Iterator[tuple[str, str]]:
        """Each statement that looks for an owner's rows, and a step that SQLite takes for it.

        Sweeps, which look at everybody's rows, run at times of their own and are left out.
        """
        (file,) = self.folder.rglob("dinrail.db")
        with closing(sqlite3.connect(file)) as database:
            for statement in self.seen:
                if "tenant = " in statement:
                    for row in database.execute(f"EXPLAIN QUERY PLAN {statement}"):
                        yield statement, row[3]


@pytest.fixture
def statements(tmp_path: Path) -> Iterator[Statements]:
    found = Statements(tmp_path)

    def listen(connection: sqlite3.Connection, _record: Any) -> None:
        connection.set_trace_callback(found.seen.append)

    event.listen(Engine, "connect", listen)
    yield found
    event.remove(Engine, "connect", listen)


@pytest.fixture
async def served(statements: Statements) -> AsyncIterator[Served]:
    async with FakeUpstream.open(OPENAI) as upstream:
        config = {
            "data_dir": str(statements.folder),
            "providers": {"one": {"type": "openai-compatible", "base_url": upstream.url}},
        }
        async with serve(plugins=PLUGINS, config=config) as running:
            yield running


@contextmanager
def found_by_their_object(statements: Statements) -> Iterator[None]:
    """Nothing inside walks over a table, or over all rows of an owner."""
    statements.seen.clear()
    yield
    steps = list(statements.plans())
    assert steps, "statements were seen"
    walks = [(step, statement) for statement, step in steps if "SCAN" in step or "(tenant=?" in step]
    assert not walks


async def ask(http: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> Any:
    async with http.request(method, path, json=body) as answer:
        assert answer.ok, await answer.text()
        return await answer.json() if answer.status != 204 else None


async def test_items_of_a_conversation(served: Served, statements: Statements) -> None:
    async with aiohttp.ClientSession(served.origin) as http:
        path = f"/v1/conversations/{(await ask(http, 'POST', '/v1/conversations', {}))['id']}"
        with found_by_their_object(statements):
            added = await ask(http, "POST", f"{path}/items", {"items": [MESSAGE, MESSAGE]})
            first = added["first_id"]
            await ask(http, "POST", f"{path}/items", {"items": [{**MESSAGE, "id": "msg_own"}]})
            await ask(http, "GET", f"{path}/items?limit=2&after={first}")
            await ask(http, "GET", f"{path}/items/{first}")
            await ask(http, "DELETE", f"{path}/items/{first}")
            other = (await ask(http, "POST", "/v1/conversations", {}))["id"]
            again = {"items": [{"type": "item_reference", "id": "msg_own"}]}
            await ask(http, "POST", f"/v1/conversations/{other}/items", again)
            await ask(http, "DELETE", path)


async def test_responses_and_their_chains(served: Served, statements: Statements) -> None:
    said = {"model": "one/kit-model", "input": "Hi."}
    async with aiohttp.ClientSession(served.origin) as http:
        await ask(http, "POST", "/v1/responses", said)
        with found_by_their_object(statements):
            first = await ask(http, "POST", "/v1/responses", said)
            behind = {**said, "previous_response_id": first["id"]}
            await ask(http, "POST", "/v1/responses", behind)
            last = await ask(http, "POST", "/v1/responses", behind)  # a fork
            await ask(http, "POST", "/v1/responses", {**said, "previous_response_id": last["id"]})
            await ask(http, "GET", f"/v1/responses/{last['id']}")
            await ask(http, "GET", f"/v1/responses/{last['id']}/input_items")
            refers = [{"type": "item_reference", "id": last["output"][0]["id"]}, MESSAGE]
            await ask(http, "POST", "/v1/responses", {**said, "input": refers})
            await ask(http, "DELETE", f"/v1/responses/{first['id']}")


async def test_files_and_prompts(served: Served, statements: Statements) -> None:
    async with aiohttp.ClientSession(served.origin) as http:
        form = aiohttp.FormData({"purpose": "user_data"})
        form.add_field("file", b"hello", filename="a.txt")
        async with http.post("/v1/files", data=form) as answer:
            file = (await answer.json())["id"]
        prompt = (await ask(http, "POST", "/v1/prompts", {"prompt": "Hi."}))["prompt_id"]
        with found_by_their_object(statements):
            await ask(http, "GET", f"/v1/files/{file}")
            await ask(http, "DELETE", f"/v1/files/{file}")
            await ask(http, "PUT", f"/v1/prompts/{prompt}", {"prompt": "Hello.", "version": 1})
            await ask(http, "GET", f"/v1/prompts/{prompt}/versions")
            await ask(http, "DELETE", f"/v1/prompts/{prompt}")


async def test_lists_are_read_in_their_order(served: Served, statements: Statements) -> None:
    async with aiohttp.ClientSession(served.origin) as http:
        for _ in range(2):
            await ask(http, "POST", "/v1/responses", {"model": "one/kit-model", "input": "Hi."})
        await ask(http, "POST", "/v1/prompts", {"prompt": "Hi."})
        statements.seen.clear()
        await ask(http, "GET", "/v1/files?purpose=user_data")
        await ask(http, "GET", "/v1/prompts")
        await ask(http, "GET", "/v1/responses")
    steps = list(statements.plans())
    for name in ("files", "prompts", "responses"):
        assert any(f"ix_{name}_owner (tenant=? AND owner=?" in step for _, step in steps), name
    assert not [one for one in steps if "SCAN" in one[1] or ("LIMIT" in one[0] and "ORDER BY" in one[1])]
