"""Uploads as clients see them."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from openai.types import Upload
from stock import PLUGINS, configuration, looking_at, settled

from dinrail_sdk.testing import Served, serve


async def begun(client: AsyncOpenAI, size: int, *parts: bytes, name: str = "a.csv") -> tuple[Upload, list[str]]:
    upload = await client.uploads.create(bytes=size, filename=name, mime_type="text/csv", purpose="user_data")
    return upload, [(await client.uploads.parts.create(upload.id, data=part)).id for part in parts]


async def test_parts_become_a_file_in_the_order_that_is_named(
    served: Served, database_config: dict[str, Any], tmp_path: Path
) -> None:
    data = bytes(range(256)) * 4000
    pieces = [data[:300_000], data[300_000:300_001], data[300_001:]]
    async with served.openai() as client:
        upload, ids = await begun(client, len(data), pieces[1], pieces[2], b"not wanted", pieces[0])
        assert upload.id.startswith("upload_")
        assert (upload.status, upload.bytes, upload.filename) == ("pending", len(data), "a.csv")
        assert upload.expires_at == upload.created_at + 3600
        assert upload.file is None
        done = await client.uploads.complete(
            upload.id, part_ids=[ids[3], ids[0], ids[1]], md5=hashlib.md5(data).hexdigest().upper()
        )
        assert done.status == "completed"
        assert done.file is not None
        assert (done.file.bytes, done.file.filename, done.file.purpose) == (len(data), "a.csv", "user_data")
        assert (await client.files.content(done.file.id)).content == data
        assert await client.files.retrieve(done.file.id) == done.file
    async with looking_at(database_config, tmp_path) as rail:
        stock = await settled(rail, tmp_path)
    assert len(stock.blobs) == 1
    assert not stock.parts


async def test_the_openai_client_uploads_in_chunks(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "large.bin"
    file.write_bytes(bytes(range(256)) * 1000)
    async with served.openai() as client:
        done = await client.uploads.upload_file_chunked(
            file=file, mime_type="application/octet-stream", purpose="user_data", part_size=100_000
        )
        assert done.file is not None
        assert (await client.files.content(done.file.id)).content == file.read_bytes()


async def test_the_announced_type_counts_where_the_content_says_nothing(served: Served) -> None:
    async with served.openai() as client:
        for data, kind in ((b"\x00\x01\x02\x03", "application/x-mine"), (b"%PDF-1.7\x00", "application/pdf")):
            upload = await client.uploads.create(
                bytes=len(data), filename="a", mime_type="application/x-mine", purpose="user_data"
            )
            part = await client.uploads.parts.create(upload.id, data=data)
            done = await client.uploads.complete(upload.id, part_ids=[part.id])
            assert done.file is not None
            assert (await client.files.content(done.file.id)).response.headers["content-type"] == kind


async def test_a_file_made_of_parts_can_expire(served: Served) -> None:
    async with served.openai() as client:
        upload = await client.uploads.create(
            bytes=0,
            filename="a",
            mime_type="text/plain",
            purpose="user_data",
            expires_after={"anchor": "created_at", "seconds": 3600},
        )
        done = await client.uploads.complete(upload.id, part_ids=[])
        assert done.file is not None
        assert done.file.expires_at == done.file.created_at + 3600


@pytest.mark.parametrize(
    ("parts", "change", "param"),
    [
        ([b"12345"], {}, "part_ids"),
        ([b"1234567890", b"1"], {}, "part_ids"),
        ([b"12345"], {"twice": True}, "part_ids"),
        ([b"1234567890"], {"ids": ["part_nothing"]}, "part_ids"),
        ([b"1234567890"], {"md5": hashlib.md5(b"something else").hexdigest()}, "md5"),
        ([b"1234567890"], {"md5": "no hash"}, "md5"),
    ],
)
async def test_what_was_not_announced_is_no_file_and_the_upload_stays_open(
    served: Served, parts: list[bytes], change: dict[str, Any], param: str
) -> None:
    async with served.openai() as client:
        upload, ids = await begun(client, 10, *parts)
        md5 = {"md5": change["md5"]} if "md5" in change else {}
        wanted = change.get("ids", ids * 2 if change.get("twice") else ids)
        with pytest.raises(openai.BadRequestError) as refusal:
            await client.uploads.complete(upload.id, part_ids=wanted, **md5)
        assert refusal.value.param == param
        right = await client.uploads.parts.create(upload.id, data=b"abcdefghij")
        assert (await client.uploads.complete(upload.id, part_ids=[right.id])).status == "completed"
        assert len((await client.files.list()).data) == 1


async def test_parts_of_another_upload_are_unknown(served: Served) -> None:
    async with served.openai() as client:
        _, ids = await begun(client, 3, b"abc")
        other, _ = await begun(client, 3)
        with pytest.raises(openai.BadRequestError) as refusal:
            await client.uploads.complete(other.id, part_ids=ids)
        assert refusal.value.param == "part_ids"


async def test_a_cancelled_upload_keeps_nothing_and_takes_nothing(
    served: Served, database_config: dict[str, Any], tmp_path: Path
) -> None:
    async with served.openai() as client:
        upload, ids = await begun(client, 3, b"abc")
        assert (await client.uploads.cancel(upload.id)).status == "cancelled"
        for again in (
            client.uploads.cancel(upload.id),
            client.uploads.complete(upload.id, part_ids=ids),
            client.uploads.parts.create(upload.id, data=b"abc"),
        ):
            with pytest.raises(openai.ConflictError) as refusal:
                await again
            assert refusal.value.code == "upload_not_pending"
    async with looking_at(database_config, tmp_path) as rail:
        assert not (await settled(rail, tmp_path)).blobs


async def test_of_those_who_complete_at_once_one_makes_the_file(
    served: Served, database_config: dict[str, Any], tmp_path: Path
) -> None:
    async with served.openai() as client:
        upload, ids = await begun(client, 3, b"abc")
        outcomes = await asyncio.gather(
            *(client.uploads.complete(upload.id, part_ids=ids) for _ in range(5)), return_exceptions=True
        )
        assert sum(isinstance(outcome, Upload) for outcome in outcomes) == 1
        assert all(isinstance(outcome, Upload | openai.ConflictError) for outcome in outcomes)
        assert len((await client.files.list()).data) == 1
    async with looking_at(database_config, tmp_path) as rail:
        assert len((await settled(rail, tmp_path)).blobs) == 1


async def test_an_upload_that_is_not_there_is_404(served: Served) -> None:
    async with served.openai() as client:
        for missing in (
            client.uploads.cancel("upload_x"),
            client.uploads.complete("upload_x", part_ids=[]),
            client.uploads.parts.create("upload_x", data=b"abc"),
        ):
            with pytest.raises(openai.NotFoundError):
                await missing


async def test_parts_and_files_have_limits(database_config: dict[str, Any], tmp_path: Path) -> None:
    config = configuration(database_config, tmp_path)
    config["services"]["uploads"] |= {"max_bytes": 1000, "max_part_bytes": 600}
    async with serve(plugins=PLUGINS, config=config) as served, served.openai() as client:
        with pytest.raises(openai.BadRequestError) as refusal:
            await begun(client, 1001)
        assert refusal.value.param == "bytes"
        upload, _ = await begun(client, 1000, bytes(600))
        for size in (601, 401):
            with pytest.raises(openai.APIStatusError) as large:
                await client.uploads.parts.create(upload.id, data=bytes(size))
            assert (large.value.status_code, large.value.param) == (413, "data")
        await client.uploads.parts.create(upload.id, data=bytes(400))
    async with looking_at(database_config, tmp_path) as rail:
        assert len((await settled(rail, tmp_path)).parts) == 2


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"purpose": "nothing"}, "purpose"),
        ({"bytes": -1}, "bytes"),
        ({"filename": ""}, "filename"),
        ({"mime_type": "a\0"}, "mime_type"),
    ],
)
async def test_a_wrong_request_is_400_and_names_the_field(served: Served, change: dict[str, Any], param: str) -> None:
    good: dict[str, Any] = {"bytes": 1, "filename": "a", "mime_type": "text/plain", "purpose": "batch"}
    async with served.openai() as client:
        with pytest.raises(openai.BadRequestError) as refusal:
            await client.uploads.create(**(good | change))
        assert refusal.value.param == param
