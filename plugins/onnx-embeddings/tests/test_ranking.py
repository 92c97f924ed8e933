from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_onnx_embeddings.ranking import bm25, cosines, relevance, words

some_words = st.lists(st.sampled_from("abcdefgh"), max_size=12).map(" ".join)


@given(query=some_words, documents=st.lists(some_words, min_size=1, max_size=8))
def test_bm25_is_between_0_and_1_and_0_without_a_common_word(query: str, documents: list[str]) -> None:
    scores = bm25(query, documents)
    assert ((scores >= 0) & (scores <= 1)).all()
    for score, document in zip(scores, documents, strict=True):
        assert (score > 0) == bool(set(query.split()) & set(document.split()))


def test_bm25_counts_a_rare_word_for_more_than_a_common_one() -> None:
    scores = bm25("common rare", ["common other", "rare other", "common other", "common other"])
    assert scores[1] > scores[0]


def test_bm25_counts_a_word_for_more_in_a_short_document() -> None:
    short, long = bm25("one", ["one two", "one " + "filler " * 60])
    assert short > long


def test_bm25_looks_at_no_more_words_than_it_is_told() -> None:
    assert bm25("end", ["begin and end"], 2).tolist() == [0]
    assert bm25("end", ["begin and end"], 3)[0] > 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The river BEGINS, begins!", ["the", "river", "begin", "begin"]),
        ("connections connected", ["conne", "conne"]),
        ("ZB-0815 12345678 snake_case", ["zb", "0815", "12345678", "snake", "case"]),
        ("AIを使う", ["ai", "を", "使", "う"]),
        ("Straße STRASSE", ["stras", "stras"]),
        ("🌍 … !", []),
    ],
)
def test_words_are_compared_without_case_and_ending(text: str, expected: Sequence[str]) -> None:
    assert list(words(text)) == expected


def test_the_best_window_speaks_for_its_document() -> None:
    query = np.array([1, 0], np.float32)
    windows = [np.array(window, np.float32) for window in ([0, 1], [1, 0], [-1, 0])]
    assert cosines(query, windows, [0, 0, 1], 3).tolist() == [1, 0, 0]


def test_relevance_weighs_meaning_against_words() -> None:
    assert relevance(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 0.3) == pytest.approx([0.7, 0.3])
