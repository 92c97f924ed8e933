from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dinrail_core.api.call import Call
from dinrail_core.api.embeddings import EmbeddingRequest, EmbeddingResponse
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import (
    ContextLengthExceeded,
    InvalidRequest,
    ModelNotFound,
    UnsupportedFeature,
    UpstreamTimeout,
)
from dinrail_onnx_embeddings.plugin import DEFAULT_MODEL
from dinrail_onnx_embeddings.provider import OnnxEmbeddings

pytestmark = pytest.mark.asyncio(loop_scope="module")

PARAPHRASES = [
    ("A man is playing a guitar on stage.", "Someone performs music with a guitar."),
    ("How do I reset my password?", "I forgot my password and need a new one."),
    ("The company's profits rose by ten percent.", "Earnings of the firm increased 10%."),
    ("The cat sleeps on the sofa.", "A cat is sleeping on a couch."),
]
UNRELATED = [
    ("A man is playing a guitar on stage.", "The stock market fell sharply today."),
    ("How do I reset my password?", "Whales are the largest mammals."),
    ("The cat sleeps on the sofa.", "Interest rates were left unchanged."),
]


def request(text: Any, **more: Any) -> EmbeddingRequest:
    return decode_request(EmbeddingRequest, {"model": DEFAULT_MODEL, "input": text, **more})


async def answer(provider: OnnxEmbeddings, text: Any, **more: Any) -> EmbeddingResponse:
    return (await provider.embed(request(text, **more), Call())).value


async def vectors(provider: OnnxEmbeddings, text: Any, **more: Any) -> NDArray[np.float64]:
    return np.array([entry.embedding for entry in (await answer(provider, text, **more)).data])


async def test_paraphrases_are_close_and_unrelated_sentences_are_not(minilm: OnnxEmbeddings) -> None:
    for one, other in PARAPHRASES:
        first, second = await vectors(minilm, [one, other])
        assert first @ second > 0.55, (one, other)
    for one, other in UNRELATED:
        first, second = await vectors(minilm, [one, other])
        assert first @ second < 0.15, (one, other)


async def test_a_vector_has_384_components_and_length_1(minilm: OnnxEmbeddings) -> None:
    matrix = await vectors(minilm, "a text")
    assert matrix.shape == (1, 384)
    assert np.linalg.norm(matrix) == pytest.approx(1, abs=1e-6)


async def test_a_text_has_the_same_vector_alone_and_beside_texts_of_any_length(minilm: OnnxEmbeddings) -> None:
    texts = ["short", "a somewhat longer text with more words", "words " * 200, "", "x"]
    texts.remove("")
    together = await vectors(minilm, texts)
    for index, text in enumerate(texts):
        assert np.abs((await vectors(minilm, text))[0] - together[index]).max() < 1e-5


async def test_answers_are_in_the_order_of_the_inputs(minilm: OnnxEmbeddings) -> None:
    texts = [("word " * count).strip() for count in (40, 1, 300, 7, 120, 2)]
    response = await answer(minilm, texts)
    assert [entry.index for entry in response.data] == list(range(len(texts)))
    matrix = np.array([entry.embedding for entry in response.data])
    for index, text in enumerate(texts):
        assert matrix[index] @ (await vectors(minilm, text))[0] == pytest.approx(1, abs=1e-5)


async def test_base64_holds_the_very_numbers_that_float_writes_out(minilm: OnnxEmbeddings) -> None:
    texts = ["one", "two words", "and three more words"]
    numbers = np.array([entry.embedding for entry in (await answer(minilm, texts)).data], np.float32)
    for index, entry in enumerate((await answer(minilm, texts, encoding_format="base64")).data):
        assert isinstance(entry.embedding, str)
        assert np.array_equal(np.frombuffer(base64.b64decode(entry.embedding), "<f4"), numbers[index])


@pytest.mark.parametrize("dimensions", [1, 64, 383, 384])
async def test_dimensions_shorten_a_vector_and_keep_its_length_1(minilm: OnnxEmbeddings, dimensions: int) -> None:
    whole = (await vectors(minilm, "a text"))[0]
    cut = (await vectors(minilm, "a text", dimensions=dimensions))[0]
    assert cut.shape == (dimensions,)
    assert np.linalg.norm(cut) == pytest.approx(1, abs=1e-6)
    assert cut == pytest.approx(whole[:dimensions] / np.linalg.norm(whole[:dimensions]), abs=1e-6)


async def test_more_dimensions_than_the_model_has_are_refused(minilm: OnnxEmbeddings) -> None:
    with pytest.raises(InvalidRequest, match="384") as caught:
        await minilm.embed(request("a text", dimensions=385), Call())
    assert caught.value.param == "dimensions"


async def test_the_usage_counts_every_token_with_the_special_ones(minilm: OnnxEmbeddings) -> None:
    response = await answer(minilm, ["hello", "hello hello hello"])
    assert response.usage.prompt_tokens == response.usage.total_tokens == (1 + 2) + (3 + 2)
    assert response.model == DEFAULT_MODEL


async def test_a_text_of_512_tokens_fits(minilm: OnnxEmbeddings) -> None:
    assert (await answer(minilm, "word " * 510)).usage.prompt_tokens == 512


@pytest.mark.parametrize(
    ("text", "param", "says"),
    [
        ("word " * 511, "input", "has 513"),
        (["fine", "fine", "word " * 600], "input.2", "input.2 has 602"),
        (["fine", "a" * 1_000_000], "input.1", "1000000 characters"),
    ],
)
async def test_a_longer_text_is_refused_by_name(minilm: OnnxEmbeddings, text: Any, param: str, says: str) -> None:
    with pytest.raises(ContextLengthExceeded, match=says) as caught:
        await minilm.embed(request(text), Call())
    assert caught.value.param == param


@pytest.mark.parametrize("tokens", [[1, 2, 3], [[1, 2], [3]]])
async def test_tokens_of_another_vocabulary_are_refused(minilm: OnnxEmbeddings, tokens: Any) -> None:
    with pytest.raises(UnsupportedFeature, match="text, not tokens") as caught:
        await minilm.embed(request(tokens), Call())
    assert caught.value.param == "input"


@pytest.mark.parametrize("empty", ["", [], ["fine", ""]])
async def test_an_empty_input_is_refused(empty: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        request(empty)
    assert caught.value.param is not None
    assert caught.value.param.startswith("input")


async def test_another_model_is_refused(minilm: OnnxEmbeddings) -> None:
    with pytest.raises(ModelNotFound):
        await minilm.embed(decode_request(EmbeddingRequest, {"model": "other", "input": "x"}), Call())


@pytest.mark.parametrize(
    "text",
    [
        " ",
        "\n\t\r",
        "\x00",
        "\u200b\u200d\ufeff",
        "🏳️‍🌈👩‍👩‍👧‍👦",
        "e\u0301" * 100,
        "\u202egnp.exe",
        "漢字かな交じり文",
        "مرحبا بالعالم",
        "[CLS] [SEP] [MASK] [PAD]",
        "\U0010ffff",
        "a" * 5_000,
        '"}],"data":[{"',
    ],
)
async def test_any_characters_give_a_vector(minilm: OnnxEmbeddings, text: str) -> None:
    matrix = await vectors(minilm, text)
    assert np.isfinite(matrix).all()
    assert np.linalg.norm(matrix) == pytest.approx(1, abs=1e-6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(min_size=1, max_size=80), min_size=1, max_size=6))
async def test_every_text_of_a_list_has_one_vector_of_length_1(minilm: OnnxEmbeddings, texts: list[str]) -> None:
    matrix = await vectors(minilm, texts)
    assert matrix.shape == (len(texts), 384)
    assert np.linalg.norm(matrix, axis=1) == pytest.approx(np.ones(len(texts)), abs=1e-5)


async def test_a_call_whose_deadline_has_passed_is_given_up(minilm: OnnxEmbeddings) -> None:
    with pytest.raises(UpstreamTimeout):
        await minilm.embed(request(["word " * 400] * 50), Call(deadline=1.0))
    assert (await answer(minilm, "still here")).data
