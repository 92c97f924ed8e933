from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_onnx_embeddings.ranking import bm25, cosines, relevance

tokens = st.lists(st.integers(0, 8), max_size=12)


@given(query=tokens, documents=st.lists(tokens, min_size=1, max_size=8))
def test_bm25_is_between_0_and_1_and_0_without_a_common_token(query: list[int], documents: list[list[int]]) -> None:
    scores = bm25(query, documents)
    assert ((scores >= 0) & (scores <= 1)).all()
    for score, document in zip(scores, documents, strict=True):
        assert (score > 0) == bool(set(query) & set(document))


def test_bm25_counts_a_rare_token_for_more_than_a_common_one() -> None:
    common, rare, other = 1, 2, 3
    scores = bm25([common, rare], [[common, other], [rare, other], [common, other], [common, other]])
    assert scores[1] > scores[0]


def test_bm25_counts_a_token_for_more_in_a_short_document() -> None:
    short, long = bm25([1], [[1, 2], [1, *range(2, 60)]])
    assert short > long


def test_the_best_window_speaks_for_its_document() -> None:
    query = np.array([1, 0], np.float32)
    windows = [np.array(window, np.float32) for window in ([0, 1], [1, 0], [-1, 0])]
    assert cosines(query, windows, [0, 0, 1], 3).tolist() == [1, 0, 0]


def test_relevance_weighs_meaning_against_words() -> None:
    assert relevance(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 0.3) == pytest.approx([0.7, 0.3])
