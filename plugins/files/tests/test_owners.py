"""What is somebody else's does not exist; what is over is gone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, update
from stock import SWEEP, looking_at, settled, take_stock, until

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.files import Files, ListFilesQuery, NewFile
from dinrail_core.api.uploads import CompleteUpload, CreateUpload, Uploads
from dinrail_core.errors import Conflict, InvalidRequest, NotFound
from dinrail_core.hooks import Rail
from dinrail_files.tables import FILES, UPLOADS
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.testing.blobs import in_pieces
from dinrail_sdk.testing.periodic import look_now

MINE = Call(Principal("acme", "ann"))
FOREIGN = [Call(Principal("acme", "bob")), Call(Principal("other", "ann")), Call(Principal("acme"))]
NEW = NewFile(filename="a.txt", purpose="user_data")
UPLOAD = CreateUpload(filename="a", purpose="user_data", bytes=3, mime_type="text/plain")


def foreign(call: Call) -> str:
    return f"{call.principal.tenant}/{call.principal.user}"


@pytest.mark.parametrize("call", FOREIGN, ids=foreign)
async def test_a_foreign_file_is_a_missing_one(rail: Rail, call: Call) -> None:
    files = await rail.service(Files)
    mine = (await files.create(NEW, in_pieces(b"x"), MINE)).value
    operations: list[Callable[[str], Awaitable[Any]]] = [
        lambda key: files.get(key, call),
        lambda key: files.content(key, call),
        lambda key: files.delete(key, call),
    ]
    for operation in operations:
        messages = []
        for key in (mine.id, "file-" + "0" * 48):
            with pytest.raises(NotFound) as refusal:
                await operation(key)
            messages.append((refusal.value.message.replace(key, "KEY"), refusal.value.param, refusal.value.code))
        assert messages[0] == messages[1]
    assert (await files.list(ListFilesQuery(), call)).value.data == []
    # Even as a cursor it tells nothing.
    assert (await files.list(ListFilesQuery(after=mine.id), call)).value.data == []
    assert (await files.get(mine.id, MINE)).value == mine


@pytest.mark.parametrize("call", FOREIGN, ids=foreign)
async def test_a_foreign_upload_is_a_missing_one(rail: Rail, call: Call) -> None:
    uploads = await rail.service(Uploads)
    mine = (await uploads.create(UPLOAD, MINE)).value
    part = (await uploads.add_part(mine.id, in_pieces(b"abc"), MINE)).value
    for operation in (
        uploads.add_part(mine.id, in_pieces(b"abc"), call),
        uploads.complete(mine.id, CompleteUpload(part_ids=[part.id]), call),
        uploads.cancel(mine.id, call),
    ):
        with pytest.raises(NotFound):
            await operation
    theirs = (await uploads.create(UPLOAD, call)).value
    with pytest.raises(InvalidRequest, match="has no part") as refusal:
        await uploads.complete(theirs.id, CompleteUpload(part_ids=[part.id]), call)
    assert refusal.value.param == "part_ids"
    assert (await uploads.complete(mine.id, CompleteUpload(part_ids=[part.id]), MINE)).value.status == "completed"


async def age(rail: Rail, table: Table, key: str, expires_at: int) -> None:
    def work(connection: Connection) -> None:
        connection.execute(update(table).where(table.c.id == key).values(expires_at=expires_at))

    await (await rail.service(Database)).sweep(work)


async def test_a_file_whose_time_is_over_is_missing_at_once_and_its_bytes_soon(rail: Rail, tmp_path: Path) -> None:
    files = await rail.service(Files)
    over = (await files.create(NEW, in_pieces(b"over"), MINE)).value
    kept = (await files.create(NEW, in_pieces(b"kept"), MINE)).value
    await age(rail, FILES, over.id, 1_000_000_000)
    with pytest.raises(NotFound):
        await files.get(over.id, MINE)
    with pytest.raises(NotFound):
        await files.delete(over.id, MINE)
    assert [file.id for file in (await files.list(ListFilesQuery(), MINE)).value.data] == [kept.id]

    async def removed() -> bool:
        await look_now(rail, SWEEP)
        stock = await take_stock(rail, tmp_path)
        return stock.files.keys() == {kept.id} and stock.is_consistent

    await until(removed)


async def test_what_is_over_goes_without_anybody_asking(tmp_path: Path) -> None:
    async with looking_at({}, tmp_path) as rail:
        over = (await (await rail.service(Files)).create(NEW, in_pieces(b"over"), MINE)).value
        await age(rail, FILES, over.id, 1_000_000_000)
    async with looking_at({}, tmp_path) as rail:

        async def removed() -> bool:
            stock = await take_stock(rail, tmp_path)
            return not stock.files and not stock.blobs

        await until(removed)


async def test_an_upload_whose_time_is_over_takes_nothing_more_and_its_parts_go(rail: Rail, tmp_path: Path) -> None:
    uploads = await rail.service(Uploads)
    upload = (await uploads.create(UPLOAD, MINE)).value
    part = (await uploads.add_part(upload.id, in_pieces(b"abc"), MINE)).value
    await age(rail, UPLOADS, upload.id, int(upload.created_at) - 1)
    for operation in (
        uploads.add_part(upload.id, in_pieces(b"abc"), MINE),
        uploads.complete(upload.id, CompleteUpload(part_ids=[part.id]), MINE),
        uploads.cancel(upload.id, MINE),
    ):
        with pytest.raises(Conflict, match="is expired"):
            await operation

    async def removed() -> bool:
        await look_now(rail, SWEEP)
        stock = await take_stock(rail, tmp_path)
        return not stock.blobs and stock.uploads == {upload.id: "expired"}

    await until(removed)
    await age(rail, UPLOADS, upload.id, 1_000_000_000)

    async def forgotten() -> bool:
        await look_now(rail, SWEEP)
        return not (await take_stock(rail, tmp_path)).uploads

    await until(forgotten)
    assert (await settled(rail, tmp_path)).is_consistent
