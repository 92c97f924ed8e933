"""Files as clients see them."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest
from stock import PLUGINS, SWEEP, configuration, looking_at, settled, take_stock, until
from yarl import URL

from dinrail_sdk.testing import Served, serve
from dinrail_sdk.testing.periodic import look_now

BOUNDARY = "limit-of-parts"


def form(*parts: tuple[str, bytes]) -> tuple[bytes, dict[str, str]]:
    """A body of parts, each with what follows ``form-data; name=``."""
    body = b"".join(
        b"--%b\r\nContent-Disposition: form-data; name=%b\r\n\r\n%b\r\n" % (BOUNDARY.encode(), head.encode(), content)
        for head, content in parts
    )
    return body + b"--%b--\r\n" % BOUNDARY.encode(), {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


async def post(served: Served, *parts: tuple[str, bytes]) -> tuple[int, Any]:
    body, headers = form(*parts)
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{served.url}/files", data=body, headers=headers) as answer,
    ):
        return answer.status, await answer.json()


FILE = ('"file"; filename="a.txt"', b"hello")
PURPOSE = ('"purpose"', b"user_data")


async def test_a_file_is_kept_listed_read_and_deleted(served: Served) -> None:
    async with served.openai() as client:
        created = await client.files.create(file=("notes.txt", b"hello"), purpose="assistants")
        assert created.id.startswith("file-")
        assert (created.object, created.bytes, created.filename) == ("file", 5, "notes.txt")
        assert (created.purpose, created.status, created.expires_at) == ("assistants", "processed", None)
        assert await client.files.retrieve(created.id) == created
        assert (await client.files.list()).data == [created]
        assert (await client.files.content(created.id)).content == b"hello"
        deleted = await client.files.delete(created.id)
        assert (deleted.id, deleted.object, deleted.deleted) == (created.id, "file", True)
        assert (await client.files.list()).data == []


@pytest.mark.parametrize("operation", ["retrieve", "content", "delete"])
async def test_a_file_that_is_not_there_is_404(served: Served, operation: str) -> None:
    async with served.openai() as client:
        with pytest.raises(openai.NotFoundError) as refusal:
            await getattr(client.files, operation)("file-nothing")
        assert refusal.value.param == "file_id"
        with pytest.raises(openai.NotFoundError):
            await getattr(client.files, operation)("file-%00")


async def test_an_id_that_no_database_can_hold_is_404(served: Served) -> None:
    async with aiohttp.ClientSession() as session:
        for method, path in (("GET", "files/%00"), ("GET", "files/%00/content"), ("DELETE", "files/%00")):
            async with session.request(method, URL(f"{served.url}/{path}", encoded=True)) as answer:
                assert (answer.status, (await answer.json())["error"]["param"]) == (404, "file_id")


async def test_a_deleted_file_is_missing_and_its_bytes_are_gone(
    served: Served, database_config: dict[str, Any], tmp_path: Path
) -> None:
    async with served.openai() as client:
        created = await client.files.create(file=("a", b"x"), purpose="user_data")
        await client.files.delete(created.id)
        with pytest.raises(openai.NotFoundError):
            await client.files.delete(created.id)
    async with looking_at(database_config, tmp_path) as rail:
        stock = await take_stock(rail, tmp_path)
    assert stock.is_consistent
    assert not stock.blobs


async def test_lists_have_pages_orders_and_purposes(served: Served) -> None:
    async with served.openai() as client:
        ids = [
            (await client.files.create(file=(f"{n}", b"x"), purpose="vision" if n % 2 else "evals")).id
            for n in range(7)
        ]
        assert [file.id async for file in client.files.list(limit=3)] == ids[::-1]
        assert [file.id async for file in client.files.list(limit=2, order="asc")] == ids
        page = await client.files.list(limit=3, order="asc", after=ids[1])
        assert [file.id for file in page.data] == ids[2:5]
        assert (page.first_id, page.last_id, page.has_more) == (ids[2], ids[4], True)  # type: ignore[attr-defined]  # extra
        assert [file.id async for file in client.files.list(purpose="vision", order="asc")] == ids[1::2]
        # A cursor stays good when its file has been deleted.
        await client.files.delete(ids[1])
        assert [file.id for file in (await client.files.list(order="asc", after=ids[1])).data] == ids[2:]
        for bad in ({"limit": 0}, {"limit": 10_001}, {"order": "sideways"}):
            with pytest.raises(openai.BadRequestError):
                await client.files.list(extra_query=bad)


async def test_a_file_that_expires_says_when(served: Served) -> None:
    async with served.openai() as client:
        created = await client.files.create(
            file=("a", b"x"), purpose="user_data", expires_after={"anchor": "created_at", "seconds": 3600}
        )
        assert created.expires_at == created.created_at + 3600
        batch = await client.files.create(file=("a", b"x"), purpose="batch")
        assert batch.expires_at == batch.created_at + 2_592_000
        for seconds in (3599, 2_592_001):
            with pytest.raises(openai.BadRequestError) as refusal:
                await client.files.create(
                    file=("a", b"x"), purpose="user_data", expires_after={"anchor": "created_at", "seconds": seconds}
                )
            assert refusal.value.param == "expires_after.seconds"


async def test_fields_may_stand_behind_the_file(served: Served) -> None:
    expiry = (('"expires_after[anchor]"', b"created_at"), ('"expires_after[seconds]"', b"7200"))
    status, answer = await post(served, FILE, PURPOSE, *expiry)
    assert status == 200
    assert answer["expires_at"] == answer["created_at"] + 7200


@pytest.mark.parametrize(
    ("parts", "param"),
    [
        ([FILE], "purpose"),
        ([FILE, ('"purpose"', b"world_domination")], "purpose"),
        ([('"purpose"', b"batch_output"), FILE], "purpose"),
        ([PURPOSE], "file"),
        ([PURPOSE, ('"file"', b"@a.txt")], "file"),
        ([PURPOSE, ('"file"; filename=""', b"")], "file"),
        ([PURPOSE, FILE, FILE], "file"),
        ([PURPOSE, PURPOSE, FILE], "purpose"),
        ([PURPOSE, ('"expires_after[anchor]"', b"created_at"), FILE], "expires_after.seconds"),
        ([PURPOSE, ('"expires_after"', b"soon"), FILE], "expires_after"),
        ([PURPOSE, (f'"file"; filename="{"n" * 1025}"', b"x")], "filename"),
        ([("\"file\"; filename*=UTF-8''a%00b", b"x"), PURPOSE], "filename"),
        ([('"purpose"', b"\xff\xfe"), FILE], "purpose"),
    ],
)
async def test_a_wrong_form_is_400_and_names_the_field(
    served: Served, parts: list[tuple[str, bytes]], param: str, database_config: dict[str, Any], tmp_path: Path
) -> None:
    status, answer = await post(served, *parts)
    assert (status, answer["error"]["param"]) == (400, param)
    async with looking_at(database_config, tmp_path) as rail:
        assert not (await settled(rail, tmp_path)).blobs


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{}", "application/json", 415),
        (b"", "multipart/form-data", 400),
        (b"", "multipart/form-data; boundary=x", 400),
        (
            b"--x\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\nhalf",
            "multipart/form-data; boundary=x",
            400,
        ),
        (b"--x\r\nno colon\r\n\r\n\r\n--x--", "multipart/form-data; boundary=x", 400),
    ],
)
async def test_what_is_no_form_is_refused(served: Served, body: bytes, content_type: str, status: int) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{served.url}/files", data=body, headers={"Content-Type": content_type}) as answer,
    ):
        assert answer.status == status
        assert "error" in await answer.json()


async def test_a_file_over_the_limit_is_413_and_leaves_nothing(database_config: dict[str, Any], tmp_path: Path) -> None:
    config = configuration(database_config, tmp_path, max_bytes=100_000)
    async with serve(plugins=PLUGINS, config=config) as served, served.openai() as client:
        await client.files.create(file=("a", bytes(100_000)), purpose="user_data")
        with pytest.raises(openai.APIStatusError) as refusal:
            await client.files.create(file=("a", bytes(100_001)), purpose="user_data")
        assert refusal.value.status_code == 413
        assert refusal.value.param == "file"
    async with looking_at(database_config, tmp_path) as rail:
        assert len((await settled(rail, tmp_path)).blobs) == 1


async def test_the_limit_of_bodies_is_not_one_of_files(database_config: dict[str, Any], tmp_path: Path) -> None:
    config = configuration(database_config, tmp_path) | {"server": {"max_body_bytes": 1024}}
    async with serve(plugins=PLUGINS, config=config) as served, served.openai() as client:
        created = await client.files.create(file=("a", bytes(3_000_000)), purpose="user_data")
        assert created.bytes == 3_000_000


async def test_an_empty_file_is_a_file(served: Served) -> None:
    async with served.openai() as client:
        created = await client.files.create(file=("empty.txt", b""), purpose="user_data")
        assert created.bytes == 0
        assert (await client.files.content(created.id)).content == b""
        with pytest.raises(openai.APIStatusError) as refusal:
            await client.files.content(created.id, extra_headers={"Range": "bytes=0-"})
        assert refusal.value.status_code == 416


async def test_content_has_type_hash_and_date(served: Served) -> None:
    async with served.openai() as client:
        created = await client.files.create(file=("report.txt", b"%PDF-1.7\n\x00"), purpose="user_data")
        answer = (await client.files.content(created.id)).response
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["content-length"] == "10"
        assert answer.headers["etag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
        assert answer.headers["content-disposition"].startswith("attachment;")
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_head_of_content_has_no_body(served: Served) -> None:
    async with served.openai() as client:
        created = await client.files.create(file=("a", b"12345"), purpose="user_data")
    async with (
        aiohttp.ClientSession() as session,
        session.head(f"{served.url}/files/{created.id}/content") as answer,
    ):
        assert (answer.status, answer.headers["content-length"]) == (200, "5")
        assert await answer.read() == b""


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(
    served: Served, database_config: dict[str, Any], tmp_path: Path
) -> None:
    body, headers = form(PURPOSE, ('"file"; filename="a"', bytes(5_000_000)))
    host, _, port = served.origin.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /v1/files HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {len(body)}\r\n"
    writer.write(head.encode() + "".join(f"{k}: {v}\r\n" for k, v in headers.items()).encode() + b"\r\n")
    writer.write(body[:4_000_000])
    await writer.drain()
    async with looking_at(database_config, tmp_path) as rail:

        async def begun() -> bool:
            return len((await take_stock(rail, tmp_path)).blobs) == 1

        await until(begun)
        writer.close()
        stock = await settled(rail, tmp_path)
    assert not stock.blobs
    assert not stock.files


async def test_an_upload_that_takes_long_is_not_taken_for_dead(
    served: Served, database_config: dict[str, Any], tmp_path: Path
) -> None:
    """Several leases long; all the time, a second process removes what is left behind."""
    body, headers = form(PURPOSE, ('"file"; filename="slow"', bytes(200_000)))
    host, _, port = served.origin.removeprefix("http://").partition(":")
    async with looking_at(database_config, tmp_path) as rail:
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /v1/files HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
        writer.write(head.encode() + "".join(f"{k}: {v}\r\n" for k, v in headers.items()).encode() + b"\r\n")
        for at in range(0, len(body), 20_000):
            writer.write(body[at : at + 20_000])
            await writer.drain()
            await asyncio.sleep(0.2)  # the client's own slowness
            await look_now(rail, SWEEP)
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 200 ")
    created = json.loads(answer.partition(b"\r\n\r\n")[2])
    async with served.openai() as client:
        assert len((await client.files.content(created["id"])).content) == 200_000
