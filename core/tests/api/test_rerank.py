from __future__ import annotations

from typing import Any

import pytest

from dinrail_core.api.rerank import RerankDocument, RerankRequest, RerankResponse, RerankResult, RerankUsage
from dinrail_core.api.wire import MISSING, decode_request
from dinrail_core.errors import InvalidRequest


def test_documents_are_texts_or_objects_with_a_text() -> None:
    documents = ["a", {"text": "b", "title": "B"}]
    request = decode_request(RerankRequest, {"model": "m", "query": "q", "documents": documents})

    assert request.documents[0] == "a"
    assert isinstance(request.documents[1], RerankDocument)
    assert request.model_dump()["documents"] == documents


@pytest.mark.parametrize("name", ["top_n", "return_documents", "max_tokens_per_doc"])
def test_options_may_be_null(name: str) -> None:
    request = decode_request(RerankRequest, {"model": "m", "query": "q", "documents": ["a"], name: None})

    assert getattr(request, name) is None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"documents": []}, "documents"),
        ({"documents": "a"}, "documents"),
        ({"documents": [7]}, "documents.0"),
        ({"documents": ["a", {"title": "B"}]}, "documents.1.text"),
        ({"query": None}, "query"),
        ({"query": ["q"]}, "query"),
        ({"top_n": 0}, "top_n"),
        ({"top_n": "1"}, "top_n"),
        ({"max_tokens_per_doc": 0}, "max_tokens_per_doc"),
        ({"return_documents": "yes"}, "return_documents"),
    ],
)
def test_bad_input_is_refused_and_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        decode_request(RerankRequest, {"model": "m", "query": "q", "documents": ["a"], **fields})

    assert refused.value.param == param


def test_a_provider_builds_an_answer_that_all_three_kinds_of_client_can_read() -> None:
    answer = RerankResponse(
        id="1",
        model="m",
        results=[RerankResult(index=1, relevance_score=0.9, document=RerankDocument(text="b"))],
        usage=RerankUsage(prompt_tokens=7, total_tokens=7),
    )

    assert answer.model_dump() == {
        "id": "1",
        "model": "m",
        "results": [{"index": 1, "relevance_score": 0.9, "document": {"text": "b"}}],
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }


def test_a_result_without_its_document_does_not_mention_it() -> None:
    result = RerankResult(index=0, relevance_score=-3.5)

    assert result.document is MISSING
    assert result.model_dump() == {"index": 0, "relevance_score": -3.5}
