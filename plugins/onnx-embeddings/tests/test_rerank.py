from __future__ import annotations

from typing import Any

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.rerank import RerankRequest, RerankResponse
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import ContextLengthExceeded, InvalidRequest, ModelNotFound
from dinrail_onnx_embeddings.plugin import DEFAULT_MODEL
from dinrail_onnx_embeddings.provider import OnnxEmbeddings

pytestmark = pytest.mark.asyncio(loop_scope="module")

DOCUMENTS = [
    "Berlin is the capital of Germany.",
    "Bread is baked at 220 degrees for half an hour.",
    "The capital city of France is Paris, on the Seine.",
    "Reset the device by holding the button for ten seconds.",
]


def request(query: str, documents: list[Any], **more: Any) -> RerankRequest:
    return decode_request(RerankRequest, {"model": DEFAULT_MODEL, "query": query, "documents": documents, **more})


async def answer(provider: OnnxEmbeddings, query: str, documents: list[Any], **more: Any) -> RerankResponse:
    return (await provider.rerank(request(query, documents, **more), Call())).value


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("What is the capital of France?", 2),
        ("how hot must the oven be", 1),
        ("factory settings", 3),
        ("largest city in Germany", 0),
    ],
)
async def test_the_document_that_answers_comes_first(minilm: OnnxEmbeddings, query: str, best: int) -> None:
    results = (await answer(minilm, query, DOCUMENTS)).results
    assert results[0].index == best
    assert sorted(result.index for result in results) == [0, 1, 2, 3]
    scores = [result.relevance_score for result in results]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


async def test_a_word_that_no_vector_knows_is_found(minilm: OnnxEmbeddings) -> None:
    documents = [f"Fault {code}: the pump has stopped." for code in ("XK-4711", "XK-4712", "ZB-0815", "XK-4713")]
    assert (await answer(minilm, "ZB-0815", documents)).results[0].index == 2


async def test_top_n_returns_the_best_ones(minilm: OnnxEmbeddings) -> None:
    whole = (await answer(minilm, "capital", DOCUMENTS)).results
    assert (await answer(minilm, "capital", DOCUMENTS, top_n=2)).results == whole[:2]
    assert (await answer(minilm, "capital", DOCUMENTS, top_n=99)).results == whole


async def test_documents_are_returned_when_asked_for_with_what_stands_beside_the_text(minilm: OnnxEmbeddings) -> None:
    documents = [{"text": "Paris", "page": 7}, "Rome"]
    for result in (await answer(minilm, "Paris", documents, return_documents=True)).results:
        given = documents[result.index]
        expected = given if isinstance(given, dict) else {"text": given}
        assert not isinstance(result.document, str)
        assert result.model_dump()["document"] == expected
    for result in (await answer(minilm, "Paris", documents)).results:
        assert "document" not in result.model_dump()


async def test_equal_documents_keep_their_order(minilm: OnnxEmbeddings) -> None:
    results = (await answer(minilm, "anything", ["the same"] * 20)).results
    assert [result.index for result in results] == list(range(20))
    assert len({result.relevance_score for result in results}) == 1


async def test_an_empty_document_is_irrelevant(minilm: OnnxEmbeddings) -> None:
    results = (await answer(minilm, "Paris", ["", "Paris", " \n"])).results
    assert results[0].index == 1
    assert [result.relevance_score for result in results[1:]] == [0, 0]


async def test_the_answer_has_an_id_and_the_usage(minilm: OnnxEmbeddings) -> None:
    response = await answer(minilm, "hello", ["hello hello"])
    assert isinstance(response.id, str)
    assert response.id.startswith("rerank-")
    assert response.model == DEFAULT_MODEL
    assert response.model_dump()["usage"] == {"prompt_tokens": 3 + 4, "total_tokens": 3 + 4}


@pytest.mark.parametrize("query", ["", "  "])
async def test_an_empty_query_is_refused(minilm: OnnxEmbeddings, query: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await minilm.rerank(request(query, DOCUMENTS), Call())
    assert caught.value.param == "query"


async def test_a_query_that_does_not_fit_is_refused(minilm: OnnxEmbeddings) -> None:
    with pytest.raises(ContextLengthExceeded) as caught:
        await minilm.rerank(request("word " * 600, DOCUMENTS), Call())
    assert caught.value.param == "query"


async def test_another_model_is_refused(minilm: OnnxEmbeddings) -> None:
    other = decode_request(RerankRequest, {"model": "other", "query": "x", "documents": ["y"]})
    with pytest.raises(ModelNotFound):
        await minilm.rerank(other, Call())


async def test_too_many_documents_are_refused(minilm: OnnxEmbeddings) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await minilm.rerank(request("x", ["y"] * 2049), Call())
    assert caught.value.param == "documents"


async def test_a_thousand_documents_are_ranked(minilm: OnnxEmbeddings) -> None:
    documents = [f"Entry number {index}." for index in range(999)]
    documents.insert(500, "The capital of France is Paris.")
    response = await answer(minilm, "What is the capital of France?", documents, top_n=3)
    assert response.results[0].index == 500
    assert len(response.results) == 3


async def test_a_huge_document_is_cut_instead_of_refused(minilm: OnnxEmbeddings) -> None:
    huge = "Paris is the capital of France. " + "filler " * 1_000_000
    response = await answer(minilm, "What is the capital of France?", ["Bread is baked.", huge])
    assert response.results[0].index == 1
    tokens = response.model_dump()["usage"]["total_tokens"]
    assert tokens <= 512 + 40


async def test_the_caller_says_how_far_into_a_document_to_look(minilm: OnnxEmbeddings) -> None:
    late = "Bread is baked with flour and water. " * 100 + "The capital of France is Paris."
    query = "What is the capital of France?"
    ((near,), (far,)) = [(await answer(minilm, query, [late], max_tokens_per_doc=most)).results for most in (256, 2000)]
    assert far.relevance_score > near.relevance_score + 0.1
