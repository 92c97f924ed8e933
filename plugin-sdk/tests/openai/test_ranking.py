from __future__ import annotations

import json
from typing import Any

import pytest

from dinrail_core.api.rerank import RerankRequest
from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.openai.ranking import best_first, plainly, ranked


def ranking(*results: Any, **more: Any) -> bytes:
    return json.dumps({"results": list(results), **more}).encode()


def place(index: int, score: float, **more: Any) -> dict[str, Any]:
    return {"index": index, "relevance_score": score, **more}


def test_what_is_in_order_is_handed_back_as_it_came() -> None:
    text = ranking(place(1, 0.9), place(0, 0.5), place(2, 0.5), place(3, -1))
    assert best_first(text, None) is text
    assert best_first(text, 4) is text
    assert best_first(text, 9) is text


def test_what_is_not_is_put_in_order_with_everything_that_it_carries() -> None:
    text = ranking(place(0, 0.5), place(1, 0.9, document={"text": "b", "x": 1}), id="r", usage={"total_tokens": 3})
    assert json.loads(best_first(text, None)) == {
        "id": "r",
        "usage": {"total_tokens": 3},
        "results": [place(1, 0.9, document={"text": "b", "x": 1}), place(0, 0.5)],
    }


def test_equal_scores_keep_their_order() -> None:
    text = ranking(place(0, 1), place(1, 2), place(2, 1), place(3, 2))
    assert [one["index"] for one in json.loads(best_first(text, None))["results"]] == [1, 3, 0, 2]


def test_no_more_are_kept_than_were_asked_for() -> None:
    text = ranking(place(1, 3), place(0, 2), place(2, 1))
    assert [one["index"] for one in json.loads(best_first(text, 2))["results"]] == [1, 0]


@pytest.mark.parametrize("result", [7, {}, {"index": 0}, {"relevance_score": "high"}, {"relevance_score": None}])
def test_what_is_not_understood_is_handed_back_as_it_came(result: Any) -> None:
    text = ranking(result, place(1, 1), place(2, 2))
    assert best_first(text, 1) is text


def asked(**more: object) -> RerankRequest:
    return RerankRequest.model_validate({"model": "m", "query": "q", "documents": ["a", {"text": "b"}, "c"], **more})


def test_scores_of_any_shape_become_results_best_first() -> None:
    results = ranked(asked(), [(2, 0.5), (0, 0.5), (1, 0.75)])
    assert [(result.index, result.relevance_score) for result in results] == [(1, 0.75), (0, 0.5), (2, 0.5)]
    assert "document" not in results[0].model_dump()


def test_results_are_cut_and_repeat_their_texts_where_that_is_asked_for() -> None:
    (best,) = ranked(asked(top_n=1, return_documents=True), [(0, 0.1), (1, 0.2)])
    assert best.model_dump() == {"index": 1, "relevance_score": 0.2, "document": {"text": "b"}}


@pytest.mark.parametrize("index", [-1, 3])
def test_a_document_that_nobody_gave_is_invalid(index: int) -> None:
    with pytest.raises(UpstreamInvalid):
        ranked(asked(), [(index, 0.5)])


def test_documents_that_are_texts_alone_are_sent_as_texts() -> None:
    pictured = {"text": "c", "image": "https://example.com/c.png"}
    request = RerankRequest.model_validate({"model": "m", "query": "q", "documents": ["a", {"text": "b"}, pictured]})
    assert plainly(request).model_dump()["documents"] == ["a", "b", pictured]
