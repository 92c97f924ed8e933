"""The header ``Idempotency-Key`` through the real server."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from dinrail_core.api.conversations import Conversations
from dinrail_core.api.files import Files
from dinrail_core.api.prompts import Prompts
from dinrail_core.api.uploads import Uploads
from dinrail_core.errors import Unavailable
from dinrail_idempotency import service
from dinrail_sdk.testing import serve

HEADER = "Idempotency-Key"
PLUGINS = ("blobs", "conversations", "database", "files", "idempotency", "jobs", "prompts")
Answered = tuple[int, Any, Mapping[str, str]]


@pytest.fixture
async def client(config: dict[str, Any]) -> AsyncIterator[aiohttp.ClientSession]:
    async with serve(plugins=PLUGINS, config=config) as served, aiohttp.ClientSession(f"{served.url}/") as session:
        yield session


async def post(client: aiohttp.ClientSession, body: Any, key: str | None, path: str = "prompts") -> Answered:
    async with client.post(path, json=body, headers={HEADER: key} if key is not None else {}) as answer:
        return answer.status, await answer.json(), answer.headers


async def how_many(client: aiohttp.ClientSession) -> int:
    async with client.get("prompts", params={"limit": "100"}) as answer:
        return len((await answer.json())["data"])


async def opened(client: aiohttp.ClientSession) -> type[Prompts]:
    """The class that keeps prompts."""
    await how_many(client)  # a service is loaded when it is first needed
    (found,) = [kind for kind in Prompts.__subclasses__() if "dinrail" in kind.__module__]
    return found


async def test_the_same_request_with_the_same_key_is_carried_out_once(client: aiohttp.ClientSession) -> None:
    status, made, headers = await post(client, {"prompt": "é"}, "k")
    assert status == 200
    assert "idempotent-replayed" not in headers
    for _ in range(2):
        again, said, headers = await post(client, {"prompt": "é"}, "k")
        assert (again, said) == (status, made)
        assert headers["idempotent-replayed"] == "true"
        assert headers["content-type"] == "application/json"
    assert await how_many(client) == 1


async def test_without_the_header_every_request_counts(client: aiohttp.ClientSession) -> None:
    for _ in range(2):
        await post(client, {"prompt": "x"}, None)
    assert await how_many(client) == 2


async def test_other_keys_are_other_requests(client: aiohttp.ClientSession) -> None:
    for key in ("a", "A", "a ", "b", "x" * 255):
        assert (await post(client, {"prompt": "x"}, key.strip()))[0] == 200
    assert await how_many(client) == 4


@pytest.mark.parametrize("path", ["prompts", "prompts?x=1", "conversations"])
async def test_the_same_key_with_another_request_is_a_422(client: aiohttp.ClientSession, path: str) -> None:
    await post(client, {"prompt": "x"}, "k")
    body = {"prompt": "y"} if path == "prompts" else {"prompt": "x"}
    status, said, headers = await post(client, body, "k", path)
    assert (status, said["error"]["code"]) == (422, "idempotency_key_reused")
    assert said["error"]["type"] == "invalid_request_error"
    assert "idempotent-replayed" not in headers
    assert await how_many(client) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb"])
async def test_what_is_no_key_is_a_400(client: aiohttp.ClientSession, key: str) -> None:
    status, said, _ = await post(client, {"prompt": "x"}, key)
    assert (status, said["error"]["param"]) == (400, HEADER)
    assert await how_many(client) == 0


async def test_a_request_that_was_wrong_may_be_mended_and_sent_with_its_key(client: aiohttp.ClientSession) -> None:
    status, _, _ = await post(client, {"prompt": "{{name}}"}, "k")
    assert status == 400
    status, _, headers = await post(client, {"prompt": "{{name}}", "variables": ["name"]}, "k")
    assert (status, "idempotent-replayed" in headers) == (200, False)


async def test_of_many_that_come_at_once_one_is_carried_out(client: aiohttp.ClientSession) -> None:
    outcomes = await asyncio.gather(*(post(client, {"prompt": "x"}, "k") for _ in range(20)))
    made = [said for status, said, _ in outcomes if status == 200]
    assert made
    assert all(said == made[0] for said in made)
    for status, said, headers in outcomes:
        if status != 200:
            assert (status, said["error"]["code"]) == (409, "idempotency_in_progress")
            assert headers["retry-after"] == "1"
    assert await how_many(client) == 1


async def test_an_operation_that_creates_nothing_takes_no_notice(client: aiohttp.ClientSession) -> None:
    _, made, _ = await post(client, {"prompt": "x"}, None)
    for version in (1, 2):
        update = {"prompt": "y", "version": version}
        async with client.put(f"prompts/{made['prompt_id']}", json=update, headers={HEADER: "k"}) as answer:
            assert answer.status == 200


async def test_a_failure_of_the_server_is_not_kept_and_what_was_made_is_found(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The prompt is stored, but the answer gets lost behind it."""
    implementation = await opened(client)
    create = implementation.create

    async def lost(self: Prompts, *arguments: Any) -> Any:
        await create(self, *arguments)
        raise Unavailable("The power is gone.")

    monkeypatch.setattr(implementation, "create", lost)
    assert (await post(client, {"prompt": "x"}, "k"))[0] == 503
    assert await how_many(client) == 1
    monkeypatch.undo()
    async with asyncio.timeout(20):
        while (answered := await post(client, {"prompt": "x"}, "k"))[0] == 409:
            await asyncio.sleep(0.02)  # the claim is let go of beside the answer
    assert answered[0] == 200
    async with client.get("prompts") as answer:
        assert (await answer.json())["data"] == [answered[1]]


async def test_items_that_were_added_and_not_acknowledged_are_not_added_again(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def again(path: str, body: Any, key: str) -> Any:
        async with asyncio.timeout(20):
            while (answered := await post(client, body, key, path))[0] == 409:
                await asyncio.sleep(0.02)  # the claim is let go of beside the answer
        assert answered[0] == 200
        return answered[1]

    say = {"items": [{"role": "user", "content": "a"}, {"role": "user", "content": "b", "id": "msg_mine"}]}
    (await post(client, {}, None, "conversations"))
    (implementation,) = [kind for kind in Conversations.__subclasses__() if "dinrail" in kind.__module__]
    create, add = implementation.create, implementation.add_items

    async def create_and_lose(self: Conversations, *arguments: Any) -> Any:
        await create(self, *arguments)
        raise Unavailable("The power is gone.")

    async def add_and_lose(self: Conversations, *arguments: Any) -> Any:
        await add(self, *arguments)
        raise Unavailable("The power is gone.")

    monkeypatch.setattr(implementation, "create", create_and_lose)
    monkeypatch.setattr(implementation, "add_items", add_and_lose)
    assert (await post(client, say, "k", "conversations"))[0] == 503
    monkeypatch.setattr(implementation, "create", create)
    key = (await again("conversations", say, "k"))["id"]
    items = f"conversations/{key}/items"
    more = {"items": [{"role": "user", "content": "c"}, {"role": "user", "content": "d", "id": "msg_other"}]}
    assert (await post(client, more, "l", items))[0] == 503
    monkeypatch.undo()
    await post(client, {"items": [{"role": "user", "content": "between"}]}, None, items)
    told = (await again(items, more, "l"))["data"]
    async with client.get(items, params={"order": "asc"}) as answer:
        found = (await answer.json())["data"]
    assert [item["content"][0]["text"] for item in found] == ["a", "b", "c", "d", "between"]
    assert told == found[2:4]


async def form(
    client: aiohttp.ClientSession, path: str, field: str, data: bytes, key: str, name: str = "a.txt"
) -> Answered:
    """Send a form, whose boundary is another every time."""
    body = aiohttp.FormData({"purpose": "user_data"} if path == "files" else {})
    body.add_field(field, data, filename=name, content_type="text/plain")
    async with client.post(path, data=body, headers={HEADER: key}) as answer:
        return answer.status, await answer.json(), answer.headers


async def test_a_file_that_is_sent_again_is_one_file(client: aiohttp.ClientSession) -> None:
    data = os.urandom(200_000)
    status, made, headers = await form(client, "files", "file", data, "k")
    assert status == 200
    assert "idempotent-replayed" not in headers
    status, again, headers = await form(client, "files", "file", data, "k")
    assert (status, again, headers["idempotent-replayed"]) == (200, made, "true")
    for change in ((data[:-1], "a.txt"), (data, "b.txt"), (b"", "a.txt")):
        status, said, _ = await form(client, "files", "file", change[0], "k", change[1])
        assert (status, said["error"]["code"]) == (422, "idempotency_key_reused")
    assert (await post(client, {"prompt": "x"}, "k"))[0] == 422
    async with client.get("files") as answer:
        assert [file["id"] for file in (await answer.json())["data"]] == [made["id"]]
    assert (await form(client, "files", "file", b"x", "wrong", name=""))[0] == 400
    assert (await form(client, "files", "file", b"x", "wrong"))[0] == 200, "what was wrong may be mended"


@pytest.mark.parametrize(("contract", "method"), [(Files, "store"), (Uploads, "add_part")])
async def test_a_form_that_is_sent_again_with_another_body_is_refused_although_its_answer_was_lost(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, contract: type[object], method: str
) -> None:
    """The server dies between storing and recording the answer."""
    wanted = {"filename": "a", "purpose": "user_data", "bytes": 3, "mime_type": "text/plain"}
    upload = (await post(client, wanted, None, "uploads"))[1]
    path, field = ("files", "file") if contract is Files else (f"uploads/{upload['id']}/parts", "data")
    (implementation,) = [kind for kind in contract.__subclasses__() if "dinrail" in kind.__module__]
    whole = getattr(implementation, method)
    made = []

    async def lost(self: object, *arguments: Any) -> Any:
        made.append((await whole(self, *arguments)).value.id)
        raise Unavailable("The power is gone.")

    async def send(data: bytes, name: str = "a.txt") -> Answered:
        async with asyncio.timeout(20):
            while (answered := await form(client, path, field, data, "k", name))[0] == 409:
                await asyncio.sleep(0.02)  # the claim is let go of beside the answer
        return answered

    monkeypatch.setattr(implementation, method, lost)
    assert (await send(b"abc"))[0] == 503
    monkeypatch.undo()
    for data, name in ((b"abd", "a.txt"), (b"abc", "b.txt"), (b"", "a.txt"), (b"abd", "a.txt")):
        status, said, _ = await send(data, name)
        assert (status, said["error"]["code"]) == (422, "idempotency_key_reused")
    status, said, _ = await send(b"abc")
    assert (status, [said["id"]]) == (200, made), "what was made is found, and the others have made nothing"
    assert (await send(b"abc"))[2]["idempotent-replayed"] == "true"


async def test_an_upload_may_be_sent_again_at_every_step(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every answer gets lost behind what was done, and every request is sent until it is answered."""
    wanted = {"filename": "a", "purpose": "user_data", "bytes": 6, "mime_type": "text/plain"}
    await post(client, wanted, None, "uploads")  # a service is loaded when it is first needed
    (implementation,) = [kind for kind in Uploads.__subclasses__() if "dinrail" in kind.__module__]
    broken = set()

    def lose(name: str) -> None:
        whole = getattr(implementation, name)

        async def lost(self: Uploads, *arguments: Any) -> Any:
            done = await whole(self, *arguments)
            if name not in broken:
                broken.add(name)
                raise Unavailable("The power is gone.")
            return done

        monkeypatch.setattr(implementation, name, lost)

    for name in ("create", "add_part", "complete"):
        lose(name)

    async def until_answered(send: Callable[[], Awaitable[Answered]]) -> Any:
        async with asyncio.timeout(20):
            while (answered := await send())[0] in (409, 503):
                await asyncio.sleep(0.02)  # the claim is let go of beside the answer
        assert answered[0] == 200, answered
        return answered[1]

    upload = await until_answered(lambda: post(client, wanted, "k1", "uploads"))
    here = f"uploads/{upload['id']}"
    part = await until_answered(lambda: form(client, f"{here}/parts", "data", b"abcdef", "k2"))
    whole = await until_answered(lambda: post(client, {"part_ids": [part["id"]]}, "k3", f"{here}/complete"))
    assert broken == {"create", "add_part", "complete"}
    assert (whole["id"], whole["status"], whole["file"]["bytes"]) == (upload["id"], "completed", 6)
    async with client.get("files") as answer:
        assert [file["id"] for file in (await answer.json())["data"]] == [whole["file"]["id"]]
    async with client.get(f"files/{whole['file']['id']}/content") as answer:
        assert await answer.read() == b"abcdef"


async def test_a_client_that_leaves_may_come_back_with_its_key(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    implementation = await opened(client)
    create = implementation.create
    reached, hold = asyncio.Event(), asyncio.Event()

    async def slow(self: Prompts, *arguments: Any) -> Any:
        made = await create(self, *arguments)
        reached.set()
        await hold.wait()
        return made

    monkeypatch.setattr(implementation, "create", slow)
    leaves = asyncio.create_task(post(client, {"prompt": "x"}, "k"))
    await reached.wait()
    status, said, _ = await post(client, {"prompt": "x"}, "k")
    assert (status, said["error"]["code"]) == (409, "idempotency_in_progress")
    leaves.cancel()
    await asyncio.wait({leaves})
    monkeypatch.undo()
    async with asyncio.timeout(20):
        while (await post(client, {"prompt": "x"}, "k"))[0] == 409:
            await asyncio.sleep(0.02)
    assert await how_many(client) == 1


async def test_a_request_that_takes_long_keeps_its_claim(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "CLAIM_SECONDS", 3.0)
    implementation = await opened(client)
    create = implementation.create
    hold = asyncio.Event()

    async def slow(self: Prompts, *arguments: Any) -> Any:
        await hold.wait()
        return await create(self, *arguments)

    monkeypatch.setattr(implementation, "create", slow)
    first = asyncio.create_task(post(client, {"prompt": "x"}, "k"))
    await asyncio.sleep(0.1)
    for _ in range(12):  # longer than a claim lasts
        assert (await post(client, {"prompt": "x"}, "k"))[0] == 409
        await asyncio.sleep(0.4)
    hold.set()
    assert (await first)[0] == 200
    assert await how_many(client) == 1


async def test_a_server_that_keeps_no_keys_says_so(config: dict[str, Any]) -> None:
    async with (
        serve(plugins=("database", "prompts"), config=config) as served,
        aiohttp.ClientSession(f"{served.url}/") as client,
    ):
        status, said, _ = await post(client, {"prompt": "x"}, "k")
        assert (status, said["error"]["param"]) == (400, HEADER)
        assert await how_many(client) == 0


async def test_the_description_says_where_the_header_is_taken(client: aiohttp.ClientSession) -> None:
    async with client.get("/openapi.json") as answer:
        paths = (await answer.json())["paths"]

    def takes(path: str, method: str) -> bool:
        return any(one["name"] == HEADER for one in paths[path][method].get("parameters", ()))

    for path in ("/v1/prompts", "/v1/responses", "/v1/chat/completions"):
        assert takes(path, "post")
    assert not takes("/v1/prompts", "get")
    assert not takes("/v1/embeddings", "post")


@pytest.mark.parametrize("rounds", [pytest.param(3), pytest.param(20, marks=pytest.mark.soak)])
@pytest.mark.slow
async def test_a_request_that_is_sent_until_it_is_answered_is_carried_out_once_although_the_server_is_killed(
    config: dict[str, Any], tmp_path: Path, rounds: int
) -> None:
    chance = random.Random(rounds)
    url = config.get("services", {}).get("database", {}).get("url")
    file = tmp_path / "dinrail.toml"
    database = f'[services.database]\nurl = "{url}"\n' if url else ""
    file.write_text(
        f'data_dir = "{config["data_dir"]}"\n[plugins]\ndisable = ["llamacpp", "onnx-embeddings"]\n{database}'
    )
    made: dict[str, str] = {}
    for number in range(rounds):
        keys = [f"{number}-{one}" for one in range(25)]
        async with Server(file) as server:
            sending = [asyncio.create_task(server.send(key)) for key in keys]
            await asyncio.sleep(chance.uniform(0.02, 0.3))  # the moment is random on purpose
            server.kill()
            first = {key: said for key, said in await asyncio.gather(*sending) if said is not None}
        async with Server(file) as server:
            async with asyncio.timeout(60):
                again = dict(await asyncio.gather(*(server.send_until_answered(key) for key in keys)))
            assert all(again[key] == said for key, said in first.items())
            made |= {key: said["prompt_id"] for key, said in again.items()}
            assert len({*made.values()}) == len(made)
            assert await server.ids() == {*made.values()}
            server.kill()


class Server:
    """The program, as a process."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def __aenter__(self) -> Server:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "dinrail_core.cli",
            "serve",
            "--port",
            "0",
            "--config",
            str(self._file),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if not name.startswith("DINRAIL_")},
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            while b"http://" not in (line := await self._process.stdout.readline()):
                assert line, "the server has not started"
        address = line[line.index(b"http://") :].split()[0].decode().rstrip("/").removesuffix("/v1")
        self._session = aiohttp.ClientSession(address)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        if self._process.returncode is None:
            self.kill()
        await self._process.wait()
        await self._session.close()

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)

    async def send(self, key: str) -> tuple[str, Any]:
        try:
            status, said, _ = await post(self._session, {"prompt": key}, key, "/v1/prompts")
        except aiohttp.ClientError:
            return key, None
        return key, said if status == 200 else None

    async def send_until_answered(self, key: str) -> tuple[str, Any]:
        while True:
            status, said, _ = await post(self._session, {"prompt": key}, key, "/v1/prompts")
            if status == 200:
                return key, said
            assert status == 409, said
            await asyncio.sleep(0.2)

    async def ids(self) -> set[str]:
        found: set[str] = set()
        after: dict[str, str] = {}
        while True:
            async with self._session.get("/v1/prompts", params={"limit": "100", **after}) as answer:
                page = await answer.json()
            found |= {one["prompt_id"] for one in page["data"]}
            if not page["has_more"]:
                return found
            after = {"after": page["last_id"]}


async def test_what_is_deleted_is_forgotten_by_its_key_too(
    client: aiohttp.ClientSession, config: dict[str, Any]
) -> None:
    secret = "nothing of this remains"
    prompt = {"prompt": secret}
    _, made, _ = await post(client, prompt, "prompt")
    _, kept, _ = await post(client, {"prompt": "another"}, "other")
    talk = {"metadata": {"note": secret}}
    _, conversation, _ = await post(client, talk, "talk", "conversations")
    items = f"conversations/{conversation['id']}/items"
    body = {"items": [{"role": "user", "content": secret}]}
    _, added, _ = await post(client, body, "items", items)
    stay = {"items": [{"role": "user", "content": "stays"}]}
    _, stayed, _ = await post(client, stay, "stay", items)

    async with client.delete(f"{items}/{added['data'][0]['id']}") as answer:
        assert answer.status == 200
    status, said, _ = await post(client, body, "items", items)
    assert (status, said["error"]["code"]) == (404, "not_found")
    assert (await post(client, stay, "stay", items))[1] == stayed
    assert (await post(client, talk, "talk", "conversations"))[1] == conversation
    async with client.delete(f"conversations/{conversation['id']}") as answer:
        assert answer.status == 200
    async with client.delete(f"prompts/{made['prompt_id']}") as answer:
        assert answer.status == 204
    assert (await post(client, stay, "stay", items))[0] == 404
    assert (await post(client, talk, "talk", "conversations"))[0] == 404
    assert (await post(client, prompt, "prompt"))[0] == 404
    assert (await post(client, {"prompt": "another"}, "other"))[1] == kept
