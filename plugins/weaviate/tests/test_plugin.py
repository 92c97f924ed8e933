"""What is peculiar to Weaviate: limits of a query, vectors that are indexed later, refusals, conditions."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fake_weaviate import FakeWeaviate
from pydantic import ValidationError

from dinrail_core.api.vector_index import VectorIndex, VectorRecord
from dinrail_core.errors import TooLarge, UpstreamFailed, UpstreamInvalid, UpstreamRefused, UpstreamTimeout
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.testing import open_alone
from dinrail_sdk.testing.vector_faults import assert_unreachable
from dinrail_sdk.testing.vector_samples import assert_nearest, comparison, packed, random_vector, records_of
from dinrail_weaviate.plugin import WEAVIATE, WeaviateConfig

SECRET = "hush-0123456789"


@asynccontextmanager
async def filled(weaviate: FakeWeaviate, count: int, **config: object) -> AsyncIterator[tuple[VectorIndex, str]]:
    """An index with a collection of so many records of three numbers."""
    async with open_alone(WEAVIATE, {"url": weaviate.url, "api_key": "a-key", **config}) as index:
        assert isinstance(index, VectorIndex)
        collection = new_id("kit_")
        await index.create(collection, 3)
        source = random.Random(1)  # the same vectors every time
        records = records_of([random_vector(source, 3) for _ in range(count)], lambda n: {"n": n, "t": f"{n:05d}"})
        await index.upsert(collection, records)
        yield index, collection


async def test_a_server_that_is_not_there_is_unreachable_and_no_secret_is_shown() -> None:
    await assert_unreachable(WEAVIATE, {"url": "http://127.0.0.1:9", "api_key": SECRET}, SECRET)


async def test_a_key_that_the_server_does_not_know_is_the_operators_to_mend(weaviate: FakeWeaviate) -> None:
    async with open_alone(WEAVIATE, {"url": weaviate.url, "api_key": "wrong"}) as index:
        with pytest.raises(UpstreamRefused):
            await index.count("abc")


def test_names_that_weaviate_would_not_take_are_refused() -> None:
    for wrong in ({"prefix": "lower"}, {"prefix": ""}, {"search": "flat"}, {"maximum_results": 10}):
        with pytest.raises(ValidationError):
            WeaviateConfig.model_validate(wrong)


def test_it_is_found_in_the_environment() -> None:
    assert WEAVIATE.detect is not None
    assert WEAVIATE.detect({}) is None
    found = WEAVIATE.detect({"WEAVIATE_URL": "http://127.0.0.1:1", "WEAVIATE_API_KEY": SECRET})
    assert found == {"url": "http://127.0.0.1:1", "api_key": SECRET}


async def test_a_file_is_deleted_whole_though_one_request_deletes_only_so_many(
    weaviate: FakeWeaviate, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with filled(weaviate, 9) as (index, collection):
        monkeypatch.setattr(weaviate, "most", 2)
        await index.delete_file(collection, "file-1")
        assert await index.count(collection) == 6
        assert await index.count(collection, "file-1") == 0


async def test_a_file_has_other_attributes_whole_though_one_query_returns_only_so_many(weaviate: FakeWeaviate) -> None:
    async with filled(weaviate, 0) as (index, collection):
        vector = packed([1.0, 2.0, 3.0])
        await index.upsert(collection, [VectorRecord(f"chunk-{n}", "file", vector, {"old": True}) for n in range(1100)])
        await index.set_attributes(collection, "file", {"new": True})
        assert list(await index.search(collection, vector, 10, comparison("ne", "new", True))) == []
        assert len(await index.search(collection, vector, 10, comparison("eq", "new", True))) == 10


async def test_ranges_of_numbers_are_the_servers_to_find_and_ranges_of_texts_end_where_it_returns_no_more(
    weaviate: FakeWeaviate, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with filled(weaviate, 1200, maximum_results=1000) as (index, collection):
        monkeypatch.setattr(weaviate, "most", 1000)
        wanted = packed([1.0, 1.0, 1.0])
        assert len(await index.search(collection, wanted, 5, comparison("gte", "n", 1195))) == 5
        with pytest.raises(TooLarge) as caught:
            await index.search(collection, wanted, 5, comparison("gte", "t", "01198"))
        assert caught.value.param == "filters"


async def test_a_write_is_done_when_the_vectors_are_indexed(weaviate: FakeWeaviate) -> None:
    async with filled(weaviate, 1) as (index, collection):
        weaviate.waiting = [5, 2, 0]
        await index.upsert(collection, records_of([packed([1.0, 2.0, 3.0])]))
        assert weaviate.waiting == []
    async with filled(weaviate, 1, timeout=0.2) as (index, collection):
        weaviate.waiting = [5] * 50
        with pytest.raises(UpstreamTimeout, match="indexed"):
            await index.upsert(collection, records_of([packed([1.0, 2.0, 3.0])]))
        weaviate.waiting = []


async def test_what_the_server_refuses_is_told_by_its_own_words(
    weaviate: FakeWeaviate, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with filled(weaviate, 3) as (index, collection):
        monkeypatch.setattr(weaviate, "broken", "disk is full")
        with pytest.raises(UpstreamFailed, match="disk is full"):
            await index.upsert(collection, records_of([packed([1.0, 2.0, 3.0])]))
        with pytest.raises(UpstreamFailed, match="3 objects could not be removed"):
            await index.delete(collection, ["chunk-0", "chunk-1", "chunk-2"])
        monkeypatch.setattr(weaviate, "most", 1)
        with pytest.raises(UpstreamFailed, match="maximum results"):
            await index.search(collection, packed([1.0, 2.0, 3.0]), 2)


@pytest.mark.parametrize(
    "forbidden",
    [
        (422, {"errorCode": "CONFIG_NOT_ALLOWED", "restriction": "vector_index_type", "message": "no flat here"}),
        (422, {"error": [{"message": "no flat here"}]}),
        (429, {"errorCode": "USAGE_LIMIT_EXCEEDED", "limit": "collections", "value": 3, "message": "no flat here"}),
    ],
    ids=["not allowed", "invalid", "limit"],
)
async def test_a_collection_that_may_not_be_made_is_refused_by_the_servers_own_words(
    weaviate: FakeWeaviate, forbidden: tuple[int, dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_alone(WEAVIATE, {"url": weaviate.url, "api_key": "a-key"}) as index:
        assert isinstance(index, VectorIndex)
        monkeypatch.setattr(weaviate, "forbidden", forbidden)
        with pytest.raises(UpstreamFailed, match="no flat here"):
            await index.create(new_id("kit_"), 3)


async def test_a_collection_that_somebody_else_made_is_not_touched(weaviate: FakeWeaviate) -> None:
    async with filled(weaviate, 0) as (index, _):
        weaviate.collections["Dinrail_theirs"] = {"definition": {"class": "Dinrail_theirs"}, "objects": {}}
        with pytest.raises(UpstreamInvalid):
            await index.create("theirs", 3)
        with pytest.raises(UpstreamInvalid):
            await index.upsert("theirs", records_of([packed([1.0, 2.0, 3.0])]))


async def test_how_it_searches_is_said_when_a_collection_is_made(weaviate: FakeWeaviate) -> None:
    for search, kind in (("exact", "flat"), ("approximate", "hnsw")):
        async with filled(weaviate, 20, search=search) as (index, collection):
            definition = weaviate.collections[f"Dinrail_{collection}"]["definition"]
            assert definition["vectorIndexType"] == kind
            assert definition["vectorIndexConfig"]["distance"] == "cosine"
            source = random.Random(1)  # the same vectors every time
            records = records_of([random_vector(source, 3) for _ in range(20)])
            assert_nearest(await index.search(collection, packed([1.0] * 3), 5), records, packed([1.0] * 3), 5)
