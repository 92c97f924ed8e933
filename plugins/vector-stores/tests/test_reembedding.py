"""A store goes on to another model while it is used."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from shop import Shop, open_shop

from dinrail_core.api.vector_index import VectorIndex
from dinrail_core.errors import Conflict, DinrailError, InvalidRequest, Unavailable, UnsupportedFeature
from dinrail_sdk.testing.periodic import look_now

TEXTS = [f"Subject{number} is about topic{number}." for number in range(12)]


async def arrived(shop: Shop, store_id: str) -> Any:
    async with asyncio.timeout(60):
        while True:
            store = await shop.get(store_id)
            if not hasattr(store.reembedding, "status") or store.reembedding.status == "failed":
                return store
            await asyncio.sleep(0.02)


async def test_it_is_searched_all_the_way(config: dict[str, Any]) -> None:
    async with open_shop({**config, "providers": {"models": {"type": "models", "delay": 0.05}}}) as shop:
        store_id = await shop.store(*TEXTS)
        before = await shop.get(store_id)
        assert before.embedding_dimension == 256
        on_its_way = await shop.update(store_id, embedding_model="models/wide")
        assert (on_its_way.embedding_model, on_its_way.reembedding.status) == ("models/bag", "in_progress")
        with pytest.raises(Conflict):
            await shop.update(store_id, embedding_model="models/wide", embedding_dimension=64)
        late = await shop.file("Latecomers are about topic99.", "late.txt")
        await shop.put(store_id, late)
        changed = (await shop.listed(store_id)).data[0].id
        await shop.attributes(store_id, changed, {"seen": True})
        searches = 0
        while hasattr((await shop.get(store_id)).reembedding, "status"):
            assert (await shop.names(store_id, "topic7"))[0] == "7.txt"
            searches += 1
        assert searches > 1
        store = await shop.settled(store_id)
        assert (store.embedding_model, store.embedding_dimension) == ("models/wide", 320)
        assert store.file_counts.completed == 13
        assert store.usage_bytes == sum(file.usage_bytes for file in (await shop.listed(store_id)).data)
        index = shop.rail.instances(VectorIndex)["sqlite-vec"]
        assert await index.count(f"{store_id}_2") == 13
        for mode in ("vector", "keyword"):
            assert (await shop.names(store_id, "topic99", search_mode=mode))[0] == "late.txt"
        only = {"type": "eq", "key": "seen", "value": True}
        assert [one.file_id for one in (await shop.search(store_id, "topic", filters=only)).data] == [changed]


async def test_a_model_that_fails_leaves_the_store_as_it_was(config: dict[str, Any]) -> None:
    async with open_shop(config) as shop:
        store_id = await shop.store(*TEXTS[:2])
    broken = {**config, "providers": {"models": {"type": "models", "broken": True}}}
    async with open_shop(broken) as shop:
        service: Any = shop.stores
        service._embeddings._native["models/wide"] = 320  # known from when it still worked
        await shop.update(store_id, embedding_model="models/wide")
        job = (await service._jobs.list(None, kind="vector-store-reembedding"))[0]
        await service.reembedding.ended(job)
        store = await arrived(shop, store_id)
        assert (store.embedding_model, store.reembedding.status) == ("models/bag", "failed")
        assert store.reembedding.message
        assert (await shop.names(store_id, "topic1"))[0] == "1.txt"
        await service._jobs.cancel(job.id, None)


async def test_a_dimension_needs_its_model(shop: Shop) -> None:
    store_id = await shop.store(TEXTS[0])
    with pytest.raises(InvalidRequest) as refused:
        await shop.update(store_id, embedding_dimension=64)
    assert refused.value.param == "embedding_dimension"
    same = await shop.update(store_id, name="new", embedding_model="models/bag")
    assert same.name == "new"
    assert not hasattr(same.reembedding, "status")


async def test_the_same_model_can_have_shorter_vectors(shop: Shop) -> None:
    store_id = await shop.store(*TEXTS[:3])
    await shop.update(store_id, embedding_model="models/bag", embedding_dimension=64)
    store = await arrived(shop, store_id)
    assert (store.embedding_model, store.embedding_dimension) == ("models/bag", 64)
    assert (await shop.names(store_id, "topic1", search_mode="keyword"))[0] == "1.txt"


async def test_a_way_that_cannot_begin_is_not_begun(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    store_id = await shop.store(*TEXTS[:2])
    index = shop.rail.instances(VectorIndex)["sqlite-vec"]
    faults: list[DinrailError] = [UnsupportedFeature("Too long."), Unavailable("The database is down.")]
    for fault in faults:

        async def refuse(collection: str, dimension: int, fault: DinrailError = fault) -> None:
            raise fault

        with monkeypatch.context() as patch:
            patch.setattr(index, "create", refuse)
            with pytest.raises(type(fault)):
                await shop.update(store_id, embedding_model="models/wide")
        assert not hasattr((await shop.get(store_id)).reembedding, "status")
    assert faults[0].param == "embedding_dimension"
    await shop.update(store_id, embedding_model="models/wide")
    assert (await arrived(shop, store_id)).embedding_model == "models/wide"


async def test_a_way_that_a_dead_process_left_without_a_job_is_taken_up(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_id = await shop.store(*TEXTS[:2])
    service: Any = shop.stores

    async def die(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(service.reembedding, "make_room", die)
        with pytest.raises(KeyboardInterrupt):
            await shop.update(store_id, embedding_model="models/wide")
    assert (await shop.get(store_id)).reembedding.status == "in_progress"
    await look_now(shop.rail, "vector-store-take-up")
    store = await arrived(shop, store_id)
    assert (store.embedding_model, store.embedding_dimension) == ("models/wide", 320)
    assert (await shop.names(store_id, "topic1", search_mode="vector"))[0] == "1.txt"
