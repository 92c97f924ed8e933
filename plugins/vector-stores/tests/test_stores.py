"""Stores and the files in them: what is there, what is counted, and what is gone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from shop import ANN, BOB, EVE, Shop
from sqlalchemy import Connection, update

from dinrail_core.api.call import Call
from dinrail_core.api.pages import ListQuery
from dinrail_core.api.vector_index import VectorIndex
from dinrail_core.errors import Conflict, InvalidRequest, ModelNotFound, NotFound, RateLimited
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.testing.periodic import look_now
from dinrail_vector_stores.tables import CHUNKS, STORES

TIDES = "The tide is highest at new moon and at full moon."
BREAD = "Bake the bread for forty minutes in a hot oven."
STARS = "The star Sirius is the brightest of the night sky."


async def chunks(shop: Shop) -> int:
    database = await shop.rail.service(Database)
    return await database.sweep(lambda connection: len(connection.execute(CHUNKS.select()).all()))


async def vectors(shop: Shop, store_id: str, generation: int = 1) -> int:
    return await shop.rail.instances(VectorIndex)["sqlite-vec"].count(f"{store_id}_{generation}")


async def test_files_that_a_store_begins_with_are_found(shop: Shop) -> None:
    store_id = await shop.store(TIDES, BREAD, STARS, name="facts", description="What is so.", metadata={"a": "b"})
    store = await shop.get(store_id)
    assert (store.name, store.description, store.metadata) == ("facts", "What is so.", {"a": "b"})
    assert store.status == "completed"
    assert (store.file_counts.completed, store.file_counts.total) == (3, 3)
    assert (store.embedding_model, store.embedding_dimension, store.provider_id) == ("models/bag", 256, "sqlite-vec")
    assert store.usage_bytes == sum(len(text) + 4 * 256 for text in (TIDES, BREAD, STARS))
    found = await shop.search(store_id, "bread in the oven")
    assert found.search_query == ["bread in the oven"]
    best = found.data[0]
    assert (best.filename, best.content[0].text, best.attributes) == ("1.txt", BREAD, {})
    assert 0 < best.score <= 1
    assert (best.content[0].start_index, best.content[0].end_index) == (0, len(BREAD))
    assert sorted((one.score for one in found.data), reverse=True) == [one.score for one in found.data]
    content = (await shop.stores.file_content(store_id, best.file_id, shop.call)).value
    assert content.data[0].text == BREAD


async def test_what_cannot_be_read_fails_alone_with_a_code_and_a_sentence(shop: Shop) -> None:
    store_id = await shop.store()
    ids = [
        await shop.file(b"%PDF-1.7 nonsense", "broken.pdf"),
        await shop.file(TIDES, "tides.md"),
        await shop.file(b"\x89PNG\r\n\x1a\n" + bytes(50), "picture.png"),
    ]
    batch = await shop.batch(store_id, file_ids=ids)
    assert (batch.status, batch.file_counts.total) == ("in_progress", 3)
    store = await shop.settled(store_id)
    assert store.file_counts.model_dump() == {
        "in_progress": 0, "completed": 1, "failed": 2, "cancelled": 0, "total": 3,
    }  # fmt: skip
    files = {file.id: file for file in (await shop.listed(store_id)).data}
    broken, picture = files[ids[0]], files[ids[2]]
    assert (broken.status, broken.last_error.code) == ("failed", "invalid_file")
    assert picture.last_error.code == "unsupported_file"
    assert all(file.last_error.message.endswith(".") for file in (broken, picture))
    assert [file.id for file in (await shop.listed(store_id, filter="failed")).data] == [ids[0], ids[2]]
    batch = (await shop.stores.get_batch(store_id, batch.id, shop.call)).value
    assert (batch.status, batch.file_counts.failed, batch.file_counts.completed) == ("completed", 2, 1)


async def test_counts_are_right_at_every_moment(shop: Shop) -> None:
    store_id = await shop.store()
    ids = [await shop.file(f"{TIDES} {number}") for number in range(12)]
    await shop.batch(store_id, file_ids=ids)
    seen = set()
    async with asyncio.timeout(60):
        while True:
            store = await shop.get(store_id)
            counts = store.file_counts
            assert counts.total == counts.in_progress + counts.completed + counts.failed + counts.cancelled == 12
            found = await shop.search(store_id, "tide", max_num_results=50)
            assert len({one.file_id for one in found.data}) >= counts.completed
            seen.add(counts.completed)
            if store.status == "completed":
                break
    assert counts.completed == 12
    await shop.stores.delete_file(store_id, ids[0], shop.call)
    assert (await shop.get(store_id)).file_counts.total == 11


async def test_a_deleted_file_is_found_no_more_and_leaves_nothing(shop: Shop) -> None:
    store_id = await shop.store(BREAD)
    file_id = await shop.add(store_id, TIDES)
    before = await shop.get(store_id)
    for mode in ("hybrid", "vector", "keyword"):
        assert (await shop.search(store_id, "tide moon", search_mode=mode)).data[0].file_id == file_id
    gone = (await shop.stores.delete_file(store_id, file_id, shop.call)).value
    assert (gone.id, gone.object, gone.deleted) == (file_id, "vector_store.file.deleted", True)
    for mode in ("hybrid", "vector", "keyword"):
        found = await shop.search(store_id, "tide moon", search_mode=mode)
        assert file_id not in [one.file_id for one in found.data]
    assert (await vectors(shop, store_id), await chunks(shop)) == (1, 1)
    assert (await shop.get(store_id)).usage_bytes < before.usage_bytes
    with pytest.raises(NotFound):
        await shop.stores.get_file(store_id, file_id, shop.call)
    assert (await shop.files.get(file_id, shop.call)).value.id == file_id


async def test_a_deleted_store_leaves_nothing(shop: Shop) -> None:
    store_id = await shop.store(BREAD, TIDES)
    await shop.stores.delete(store_id, shop.call)
    with pytest.raises(NotFound) as missing:
        await shop.search(store_id, "tide")
    assert missing.value.param == "vector_store_id"
    assert await chunks(shop) == 0
    with pytest.raises(NotFound):
        await vectors(shop, store_id)


async def test_a_file_that_is_there_already_is_taken_in_anew(shop: Shop) -> None:
    store_id = await shop.store()
    file_id = await shop.add(store_id, TIDES, attributes={"a": 1})
    await shop.put(store_id, file_id, attributes={"a": 2})
    store = await shop.settled(store_id)
    assert (store.file_counts.completed, store.file_counts.total) == (1, 1)
    assert (await vectors(shop, store_id), await chunks(shop)) == (1, 1)
    assert (await shop.search(store_id, "tide")).data[0].attributes == {"a": 2}


async def test_a_cancelled_batch_stops(config: dict[str, Any]) -> None:
    from shop import open_shop

    slow = {**config, "providers": {"models": {"type": "models", "delay": 0.3}}}
    async with open_shop(slow) as shop:
        store_id = await shop.store()
        ids = [await shop.file(f"{TIDES} {number}") for number in range(10)]
        batch = await shop.batch(store_id, file_ids=ids)
        async with asyncio.timeout(60):
            while (await shop.get(store_id)).file_counts.completed == 0:
                await asyncio.sleep(0.02)
        batch = (await shop.stores.cancel_batch(store_id, batch.id, shop.call)).value
        assert batch.status == "cancelled"
        assert batch.file_counts.in_progress == 0
        assert batch.file_counts.cancelled > 0
        store = await shop.get(store_id)
        assert store.status == "completed"
        assert store.file_counts == batch.file_counts
        statuses = [file.status for file in (await shop.listed(store_id)).data]
        assert statuses.count("cancelled") == batch.file_counts.cancelled
        again = (await shop.stores.cancel_batch(store_id, batch.id, shop.call)).value
        assert again.file_counts == batch.file_counts


@pytest.mark.parametrize("call", [BOB, EVE], ids=["colleague", "stranger"])
async def test_foreign_files_cannot_come_into_a_store(shop: Shop, call: Call) -> None:
    theirs = await shop.file(TIDES)
    mine = shop.of(call)
    store_id = await mine.store()
    for attempt, param in (
        (mine.put(store_id, theirs), "file_id"),
        (mine.batch(store_id, file_ids=[theirs]), "file_ids"),
        (mine.batch(store_id, files=[{"file_id": theirs}]), "files.0.file_id"),
    ):
        with pytest.raises(NotFound) as refused:
            await attempt
        assert refused.value.param == param
    assert (await mine.get(store_id)).file_counts.total == 0


@pytest.mark.parametrize(
    ("fields", "error", "param"),
    [
        ({"embedding_model": "models/nothing"}, ModelNotFound, "embedding_model"),
        ({"embedding_model": "models/parrot"}, ModelNotFound, "embedding_model"),
        ({"embedding_dimension": 512}, InvalidRequest, "embedding_dimension"),
        ({"provider_id": "nowhere"}, InvalidRequest, "provider_id"),
        ({"file_ids": ["file-0"]}, NotFound, "file_ids"),
    ],
)
async def test_a_store_that_cannot_be_is_not_made(
    shop: Shop, fields: dict[str, Any], error: type[Exception], param: str
) -> None:
    with pytest.raises(error) as refused:
        await shop.store(**fields)
    assert refused.value.param == param  # type: ignore[attr-defined]  # all of them have one
    assert (await shop.stores.list(ListQuery(), shop.call)).value.data == []


async def test_vectors_can_be_shorter(shop: Shop) -> None:
    store_id = await shop.store(TIDES, embedding_model="models/wide", embedding_dimension=100)
    store = await shop.get(store_id)
    assert (store.embedding_model, store.embedding_dimension) == ("models/wide", 100)
    assert (await shop.names(store_id, "tide")) == ["0.txt"]


async def test_chunks_fit_the_model_or_are_embedded_in_parts(shop: Shop) -> None:
    store_id = await shop.store()
    text = " ".join(f"word{number}" for number in range(3000))
    file_id = await shop.add(store_id, text, "long.txt")
    kept: Any = (await shop.stores.get_file(store_id, file_id, shop.call)).value
    assert kept.chunking_strategy.static.max_chunk_size_tokens == 300
    big = {"type": "static", "static": {"max_chunk_size_tokens": 4096, "chunk_overlap_tokens": 0}}
    other = await shop.add(store_id, text + " needle", "longer.txt", chunking_strategy=big)
    assert (await shop.stores.get_file(store_id, other, shop.call)).value.status == "completed"
    assert (await shop.names(store_id, "needle", search_mode="keyword"))[0] == "longer.txt"


async def test_a_store_that_nobody_uses_expires(shop: Shop) -> None:
    store_id = await shop.store(TIDES, expires_after={"anchor": "last_active_at", "days": 1})
    store = await shop.get(store_id)
    assert store.expires_at == store.last_active_at + 86_400
    other = await shop.store(TIDES)

    def age(connection: Connection) -> None:
        connection.execute(update(STORES).where(STORES.c.id == store_id).values(expires_at=1))

    await (await shop.rail.service(Database)).sweep(age)
    assert (await shop.get(store_id)).status == "expired"
    for attempt in (shop.search(store_id, "tide"), shop.put(store_id, await shop.file(TIDES))):
        with pytest.raises(Conflict):
            await attempt
    with pytest.raises(Conflict):
        await shop.update(store_id, name="not for long")
    await look_now(shop.rail, "vector-store-sweep")
    assert await chunks(shop) == 1
    store = await shop.get(store_id)
    assert (store.status, store.usage_bytes, store.file_counts.completed) == ("expired", 0, 1)
    assert await shop.names(other, "tide") == ["0.txt"]
    await shop.stores.delete(store_id, shop.call)


async def test_a_batch_whose_store_expires_has_failed(shop: Shop) -> None:
    service: Any = shop.stores
    enqueue = service.adding.enqueue

    async def wait(group: str, call: Call) -> str:
        return "job_of_nobody"

    store_id = await shop.store(expires_after={"anchor": "last_active_at", "days": 1})
    service.adding.enqueue = wait
    batch = await shop.batch(store_id, file_ids=[await shop.file(TIDES), await shop.file(BREAD)])
    service.adding.enqueue = enqueue
    assert batch.file_counts.in_progress == 2

    def age(connection: Connection) -> None:
        connection.execute(update(STORES).where(STORES.c.id == store_id).values(expires_at=1))

    await (await shop.rail.service(Database)).sweep(age)
    await look_now(shop.rail, "vector-store-sweep")
    batch = (await shop.stores.get_batch(store_id, batch.id, shop.call)).value
    assert (batch.status, batch.file_counts.in_progress, batch.file_counts.failed) == ("failed", 0, 2)
    files = (await shop.listed(store_id)).data
    assert {file.last_error.message for file in files} == {"The vector store has expired."}


async def test_a_file_that_is_deleted_is_in_no_store_any_more(shop: Shop) -> None:
    first, second = await shop.store(BREAD), await shop.store()
    file_id = await shop.add(first, TIDES)
    await shop.put(second, file_id)
    await shop.settled(second)
    await shop.stores.forget_file(file_id, shop.call)
    assert (await shop.get(second)).file_counts.total == 1  # it is still there
    await shop.files.delete(file_id, shop.call)
    await shop.of(BOB).stores.forget_file(file_id, BOB)
    assert (await shop.get(second)).file_counts.total == 1  # and Bob's word counts for nothing
    await shop.stores.forget_file(file_id, shop.call)
    for store_id, left in ((first, 1), (second, 0)):
        store = await shop.get(store_id)
        assert (store.file_counts.total, store.file_counts.completed) == (left, left)
        assert store.usage_bytes == left * (len(BREAD) + 4 * 256)
        for mode in ("hybrid", "vector", "keyword"):
            found = await shop.search(store_id, "tide moon", search_mode=mode)
            assert file_id not in [one.file_id for one in found.data]
    assert (await vectors(shop, first), await vectors(shop, second), await chunks(shop)) == (1, 0, 1)


async def test_a_file_that_a_dead_process_left_without_a_job_is_taken_up(shop: Shop) -> None:
    service: Any = shop.stores
    enqueue = service.adding.enqueue

    async def die(*arguments: Any) -> str:
        raise KeyboardInterrupt

    store_id = await shop.store()
    file_id = await shop.file(TIDES)
    service.adding.enqueue = die
    with pytest.raises(KeyboardInterrupt):
        await shop.put(store_id, file_id)
    service.adding.enqueue = enqueue
    assert (await shop.get(store_id)).file_counts.in_progress == 1

    from dinrail_vector_stores.tables import FILES

    await (await shop.rail.service(Database)).sweep(
        lambda connection: connection.execute(update(FILES).values(created_at=1)).rowcount
    )
    await look_now(shop.rail, "vector-store-take-up")
    assert (await shop.settled(store_id)).file_counts.completed == 1


async def test_pages_of_files_go_through_all_of_them(shop: Shop) -> None:
    store_id = await shop.store(*(f"{TIDES} {number}" for number in range(5)))
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = await shop.listed(store_id, limit=2, **after)
        seen += [file.id for file in page.data]
        if not page.has_more:
            break
        after = {"after": page.last_id}
    assert seen == [file.id for file in (await shop.listed(store_id)).data]
    assert len(seen) == 5


async def test_stores_and_what_is_in_them_take_room_that_is_given_back(shop: Shop) -> None:
    text = "A heron stands in the reeds. " * 20
    limited = shop.of(replace(ANN, storage_limit=12_000))
    store_id = await limited.store()
    file_id = await limited.add(store_id, text)
    assert (await limited.get(store_id)).file_counts.completed == 1
    too_much = await shop.file("\n\n".join(f"{number} {text}" for number in range(12)))
    with pytest.raises(RateLimited) as refused:
        await limited.store(metadata={f"k{number}": "v" * 512 for number in range(16)})
    assert refused.value.code == "insufficient_quota"
    for change in (
        limited.update(store_id, metadata={f"k{number}": "v" * 512 for number in range(16)}),
        limited.attributes(store_id, file_id, {f"k{number}": "v" * 512 for number in range(16)}),
        limited.put(store_id, file_id, attributes={f"k{number}": "v" * 512 for number in range(16)}),
    ):
        with pytest.raises(RateLimited):
            await change
    strategy = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}}
    await limited.put(store_id, too_much, chunking_strategy=strategy)
    assert (await limited.settled(store_id)).file_counts.failed == 1
    (failed,) = (await limited.listed(store_id, filter="failed")).data
    assert "no room" in failed.last_error.message
    await limited.stores.delete(store_id, limited.call)
    again = await limited.store()
    await limited.add(again, text)
    assert (await limited.get(again)).file_counts.completed == 1
    assert await limited.names(again, "heron")


async def test_a_wider_model_takes_more_room(shop: Shop) -> None:
    store_id = await shop.store("A heron stands in the reeds.")
    used = (await shop.get(store_id)).usage_bytes
    limited = shop.of(replace(ANN, storage_limit=used + 200))
    with pytest.raises(RateLimited):
        await limited.update(store_id, embedding_model="models/wide")
    await shop.update(store_id, embedding_model="models/wide")
