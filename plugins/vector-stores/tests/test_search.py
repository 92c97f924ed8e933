"""What is found, in which order, with which scores."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from shop import BOB, EVE, Shop, open_shop
from sqlalchemy import update

from dinrail_core.api.call import Call
from dinrail_core.errors import InvalidRequest, NotFound, Unavailable
from dinrail_sdk.sql.contract import Database
from dinrail_vector_stores.tables import STORES

HARBOUR = "The harbour master counts the boats every morning."
LIGHTHOUSE = "A lighthouse keeper lights the lamp every evening."
MODES = ("hybrid", "vector", "keyword")


def compare(kind: str, key: str, value: Any) -> dict[str, Any]:
    return {"type": kind, "key": key, "value": value}


@pytest.mark.parametrize("mode", MODES)
async def test_filters_go_by_attributes_as_they_are_now(shop: Shop, mode: str) -> None:
    store_id = await shop.store()
    first = await shop.add(store_id, HARBOUR, "harbour.txt", attributes={"year": 1999, "topic": "sea", "draft": False})
    await shop.add(store_id, LIGHTHOUSE, "light.txt", attributes={"year": 2024, "topic": "coast"})

    async def names(filters: Any) -> set[str]:
        return set(await shop.names(store_id, "the harbour lamp every", search_mode=mode, filters=filters))

    both = {"harbour.txt", "light.txt"}
    assert await names(None) == both
    assert await names(compare("eq", "topic", "sea")) == {"harbour.txt"}
    assert await names(compare("ne", "topic", "sea")) == {"light.txt"}
    assert await names(compare("gt", "year", 1999)) == {"light.txt"}
    assert await names(compare("gte", "year", 1999.0)) == both
    assert await names(compare("lt", "year", 2000)) == {"harbour.txt"}
    assert await names(compare("in", "topic", ["coast", "sky"])) == {"light.txt"}
    assert await names(compare("nin", "topic", ["coast", "sky"])) == {"harbour.txt"}
    assert await names(compare("eq", "draft", False)) == {"harbour.txt"}
    nested = {"type": "or", "filters": [compare("eq", "topic", "coast"), compare("lt", "year", 2000)]}
    assert await names(nested) == both
    assert await names({"type": "and", "filters": [nested, compare("eq", "topic", "sea")]}) == {"harbour.txt"}
    await shop.attributes(store_id, first, {"topic": "coast"})
    assert await names(compare("eq", "topic", "coast")) == both
    assert await names(compare("eq", "topic", "sea")) == set()
    await shop.attributes(store_id, first, None)
    assert await names(compare("eq", "topic", "coast")) == {"light.txt"}


@pytest.mark.parametrize(
    ("filters", "param"),
    [
        (compare("in", "k", "text"), "filters.value"),
        (compare("eq", "k", ["a"]), "filters.value"),
        (compare("gt", "k", True), "filters.value"),
        ({"type": "and", "filters": [compare("eq", "a", 1), compare("in", "k", 1)]}, "filters.filters.1.value"),
    ],
)
async def test_filters_that_mean_nothing_are_refused(shop: Shop, filters: Any, param: str) -> None:
    store_id = await shop.store(HARBOUR)
    with pytest.raises(InvalidRequest) as refused:
        await shop.search(store_id, "x", filters=filters)
    assert refused.value.param == param


async def test_words_are_found_whatever_their_form(shop: Shop) -> None:
    store_id = await shop.store("Zürich has three café terraces.", "東京の天気は晴れです。", HARBOUR)
    assert await shop.names(store_id, "cafes in zurich", search_mode="keyword") == ["0.txt"]
    assert await shop.names(store_id, "天気", search_mode="keyword") == ["1.txt"]
    assert await shop.names(store_id, "nothing of that", search_mode="keyword") == []
    assert await shop.names(store_id, "?!", search_mode="keyword") == []


async def test_a_rare_word_counts_more_than_common_ones(shop: Shop) -> None:
    texts = [f"The boat number {number} is in the harbour of the town." for number in range(30)]
    store_id = await shop.store(*texts, "Quokkas live elsewhere.")
    found = await shop.search(store_id, "the boat of the quokka", search_mode="keyword", max_num_results=3)
    assert found.data[0].filename == "30.txt"
    assert all(0 <= one.score <= 1 for one in found.data)


@pytest.mark.parametrize("ranker", ["auto", "default-2024-11-15", "none", "rrf", "weighted"])
async def test_every_ranker_orders_by_what_it_says(shop: Shop, ranker: str) -> None:
    store_id = await shop.store(HARBOUR, LIGHTHOUSE, "Bread is baked in ovens.")
    found = await shop.search(store_id, "harbour boats", ranking_options={"ranker": ranker})
    scores = [one.score for one in found.data]
    assert found.data[0].filename == "0.txt"
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    best = await shop.search(
        store_id, "harbour boats", ranking_options={"ranker": ranker, "score_threshold": scores[0]}
    )
    assert [one.filename for one in best.data] == ["0.txt"]


async def test_weights_say_what_counts(shop: Shop) -> None:
    store_id = await shop.store(HARBOUR, LIGHTHOUSE)

    async def best(embedding: float, text: float) -> Any:
        weights = {"embedding_weight": embedding, "text_weight": text}
        return (await shop.search(store_id, "harbour", ranking_options={"hybrid_search": weights})).data

    words = await shop.search(store_id, "harbour", search_mode="keyword")
    assert [one.score for one in await best(0, 1)] == [one.score for one in words.data]
    meaning = await shop.search(store_id, "harbour", search_mode="vector")
    assert [one.score for one in await best(2, 0)] == [one.score for one in meaning.data]
    with pytest.raises(InvalidRequest) as refused:
        await best(0, 0)
    assert refused.value.param == "ranking_options.hybrid_search"


async def test_a_reranking_model_has_the_last_word(shop: Shop) -> None:
    store_id = await shop.store("harbour", "harbour harbour and boats", "harbour boats")
    ranking = {"ranker": "models/longest"}
    assert await shop.names(store_id, "harbour", ranking_options=ranking) == ["1.txt", "2.txt", "0.txt"]
    for unknown in ("models/bag", "models/nothing", "nothing"):
        with pytest.raises(InvalidRequest) as refused:
            await shop.search(store_id, "harbour", ranking_options={"ranker": unknown})
        assert refused.value.param == "ranking_options.ranker"


async def test_several_queries_are_merged(shop: Shop) -> None:
    store_id = await shop.store(HARBOUR, LIGHTHOUSE, "Bread is baked in ovens.")
    found = await shop.search(store_id, ["harbour boats", "bread ovens"], max_num_results=2)
    assert found.search_query == ["harbour boats", "bread ovens"]
    assert {one.filename for one in found.data} == {"0.txt", "2.txt"}


async def test_a_query_is_rewritten_by_the_model_that_is_configured(shop: Shop, config: dict[str, Any]) -> None:
    store_id = await shop.store(HARBOUR, "zebra")
    found = await shop.search(store_id, "please tell me about stripes", rewrite_query=True, search_mode="keyword")
    assert found.search_query == ["zebra please tell me"]
    assert [one.filename for one in found.data] == ["1.txt"]
    config["services"]["vector-stores"].pop("rewrite_model")
    async with open_shop({**config, "data_dir": config["data_dir"] + "2"}) as other:
        with pytest.raises(InvalidRequest) as refused:
            await other.search(await other.store(HARBOUR), "x", rewrite_query=True)
    assert refused.value.param == "rewrite_query"
    config["services"]["vector-stores"]["rewrite_model"] = "nobody/parrot"
    async with open_shop({**config, "data_dir": config["data_dir"] + "3"}) as other:
        with pytest.raises(InvalidRequest, match="nobody/parrot") as refused:
            await other.search(await other.store(HARBOUR), "x", rewrite_query=True)
    assert refused.value.param == "rewrite_query"


async def test_a_store_whose_model_is_gone_says_so_and_is_found_by_words(shop: Shop) -> None:
    store_id = await shop.store(HARBOUR)
    gone = update(STORES).where(STORES.c.id == store_id).values(model="nobody/bag")
    await (await shop.rail.service(Database)).sweep(lambda connection: connection.execute(gone).rowcount)
    for mode in ("hybrid", "vector"):
        with pytest.raises(Unavailable, match=r"'nobody/bag'.*is not there"):
            await shop.search(store_id, "harbour", search_mode=mode)
    assert await shop.names(store_id, HARBOUR, search_mode="keyword") == ["0.txt"]
    await shop.update(store_id, embedding_model="models/wide")
    async with asyncio.timeout(60):
        while hasattr((await shop.get(store_id)).reembedding, "status"):
            await asyncio.sleep(0.02)
    assert await shop.names(store_id, HARBOUR) == ["0.txt"]


async def test_contextual_chunks_are_found_by_what_a_model_says_of_them(shop: Shop) -> None:
    store_id = await shop.store()
    strategy = {"type": "contextual", "contextual": {"model_id": "models/parrot"}}
    file_id = await shop.add(store_id, HARBOUR, "harbour.txt", chunking_strategy=strategy)
    assert await shop.names(store_id, "zebra", search_mode="keyword") == ["harbour.txt"]
    found = await shop.search(store_id, "zebra")
    assert found.data[0].content[0].text == HARBOUR
    kept: Any = (await shop.stores.get_file(store_id, file_id, shop.call)).value
    assert kept.chunking_strategy.contextual.model_id == "models/parrot"


async def test_results_say_where_their_text_stands(shop: Shop) -> None:
    store_id = await shop.store()
    text = "\n\n".join(f"Paragraph {number} is about subject{number}." + " filler" * 60 for number in range(12))
    sizes = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}}
    file_id = await shop.add(store_id, text, "long.md", chunking_strategy=sizes)
    found = (await shop.search(store_id, "subject7", search_mode="keyword")).data[0].content[0]
    assert "subject7" in found.text
    assert text[found.start_index : found.end_index] == found.text
    content = (await shop.stores.file_content(store_id, file_id, shop.call)).value.data[0].text
    assert content == text


@pytest.mark.parametrize("call", [BOB, EVE], ids=["colleague", "stranger"])
async def test_words_and_vectors_of_others_are_not_found(shop: Shop, call: Call) -> None:
    theirs = await shop.store(HARBOUR)
    mine = shop.of(call)
    store_id = await mine.store(LIGHTHOUSE)
    for mode in MODES:
        assert await mine.names(store_id, "harbour boats", search_mode=mode) in ([], ["0.txt"])
        with pytest.raises(NotFound):
            await mine.search(theirs, "harbour", search_mode=mode)
    assert await mine.names(store_id, "harbour", search_mode="keyword") == []
