"""What requests of vector stores may say."""

from __future__ import annotations

from typing import Any

import pytest

from dinrail_core.api.chunking import ContextualChunking
from dinrail_core.api.vector_stores import AddFile, CreateVectorStore, SearchRequest, UpdateStoreFile, UpdateVectorStore
from dinrail_core.api.wire import MISSING, Wire, decode_request
from dinrail_core.errors import InvalidRequest


def test_attributes_come_back_as_they_were_sent() -> None:
    sent = {"year": 2024, "price": 1.5, "big": 2**62, "draft": True, "author": "Ann"}
    kept = decode_request(UpdateStoreFile, {"attributes": sent})
    assert kept.model_dump(mode="json") == {"attributes": sent}
    assert '"year":2024,' in kept.model_dump_json()


@pytest.mark.parametrize(
    "attributes",
    [
        {"": "x"},
        {"k" * 65: "x"},
        {"k": "x" * 513},
        {"k": [1]},
        {"k": None},
        {"k": 2**63},
        {"k": float("inf")},
        {str(number): 1 for number in range(17)},
        ["k"],
    ],
    ids=lambda value: str(value)[:20],
)
def test_attributes_that_cannot_be_filtered_by_are_refused(attributes: Any) -> None:
    with pytest.raises(InvalidRequest) as refused:
        decode_request(AddFile, {"file_id": "file-1", "attributes": attributes})
    assert str(refused.value.param).startswith("attributes")


@pytest.mark.parametrize(
    ("wire", "body", "param"),
    [
        (CreateVectorStore, {"chunking_strategy": {"type": "magic"}}, "chunking_strategy.type"),
        (CreateVectorStore, {"chunking_strategy": {"type": "static"}}, "chunking_strategy.static"),
        (CreateVectorStore, {"expires_after": {"anchor": "last_active_at", "days": 366}}, "expires_after.days"),
        (CreateVectorStore, {"embedding_dimension": 0}, "embedding_dimension"),
        (CreateVectorStore, {"file_ids": ["a"] * 501}, "file_ids"),
        (UpdateVectorStore, {"embedding_dimension": "8"}, "embedding_dimension"),
        (SearchRequest, {}, "query"),
        (SearchRequest, {"query": []}, "query"),
        (SearchRequest, {"query": "x", "max_num_results": 51}, "max_num_results"),
        (SearchRequest, {"query": "x", "filters": {"type": "like", "key": "k", "value": 1}}, "filters.type"),
        (SearchRequest, {"query": "x", "ranking_options": {"score_threshold": 2}}, "ranking_options.score_threshold"),
    ],
)
def test_what_is_wrong_is_named(wire: type[Wire], body: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        decode_request(wire, body)
    assert str(refused.value.param).startswith(param)


@pytest.mark.parametrize(
    ("sizes", "fits"),
    [((100, 50), True), ((101, 50), True), ((100, 51), False), ((4096, 2048), True), ((99, 0), False)],
)
def test_chunks_overlap_by_half_at_most(sizes: tuple[int, int], fits: bool) -> None:
    strategy = {"type": "static", "static": {"max_chunk_size_tokens": sizes[0], "chunk_overlap_tokens": sizes[1]}}
    if fits:
        decode_request(AddFile, {"file_id": "f", "chunking_strategy": strategy})
    else:
        with pytest.raises(InvalidRequest) as refused:
            decode_request(AddFile, {"file_id": "f", "chunking_strategy": strategy})
        assert str(refused.value.param).startswith("chunking_strategy.static")


def test_contextual_chunks_need_nothing_said() -> None:
    request = decode_request(AddFile, {"file_id": "f", "chunking_strategy": {"type": "contextual"}})
    assert isinstance(request.chunking_strategy, ContextualChunking)
    assert request.chunking_strategy.contextual.max_chunk_size_tokens == 800
    assert request.chunking_strategy.contextual.model_id is MISSING
