"""Scores are what they say."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_vector_stores.ranking import BM25, as_scores, cosine_score, rrf, weighted

WORD = st.sampled_from(["a", "b", "c", "d", "e"])
SCORES = st.dictionaries(WORD, st.floats(0, 1), max_size=5)
WEIGHTS = st.tuples(st.floats(0.01, 1), st.floats(0.01, 1))


@given(st.lists(WORD, min_size=1, max_size=30), st.dictionaries(WORD, st.integers(0, 50), min_size=1), WEIGHTS)
def test_bm25_is_a_share(words: list[str], frequencies: dict[str, int], weights: tuple[float, float]) -> None:
    score = BM25(frequencies, 50, 20.0).score(" ".join(words), len(words))
    assert 0 <= score <= 1
    assert (score > 0) == any(frequencies.get(word, 0) > 0 for word in words)


@given(st.lists(WORD, min_size=1, max_size=30), WORD)
def test_bm25_counts_every_occurrence(words: list[str], word: str) -> None:
    more = Counter([*words, word])[word]
    apart = " ".join([*(one for one in words if one != word), *["x", word] * more])
    together = " ".join([*(one for one in words if one != word), *["x"] * more, *[word] * more])
    scores = [BM25({word: 3}, 10, 20.0).score(text, 20) for text in (apart, together)]
    assert scores[0] == pytest.approx(scores[1])


def test_rare_words_count_more_and_long_chunks_less() -> None:
    frequencies = {"rare": 1, "common": 90}
    assert BM25(frequencies, 100, 2).score("rare x", 2) > BM25(frequencies, 100, 2).score("common x", 2)
    assert BM25(frequencies, 100, 10).score("rare x", 2) > BM25(frequencies, 100, 10).score("rare x", 100)


@given(st.permutations("abcde"), st.permutations("abcde"), WEIGHTS)
def test_ranks_are_fused_to_scores(one: list[str], two: list[str], weights: tuple[float, float]) -> None:
    scores = rrf(one, two, weights)
    assert all(0 < score <= 1.000001 for score in scores.values())
    if one[0] == two[0]:
        assert max(scores, key=lambda key: scores[key]) == one[0]
        assert scores[one[0]] == pytest.approx(1)


@given(SCORES, SCORES, WEIGHTS)
def test_means_lie_between(meaning: dict[str, float], words: dict[str, float], weights: tuple[float, float]) -> None:
    scores = weighted(meaning, words, weights)
    assert scores.keys() == meaning.keys() | words.keys()
    assert all(-1e-9 <= score <= 1 + 1e-9 for score in scores.values())
    for key in meaning.keys() & words.keys():
        low, high = sorted((meaning[key], words[key]))
        assert low - 1e-9 <= scores[key] <= high + 1e-9


@given(st.lists(st.floats(-1e9, 1e9), min_size=1))
def test_a_rerankers_numbers_become_scores_in_the_same_order(relevance: list[float]) -> None:
    scores = as_scores(relevance)
    assert all(0 <= score <= 1 for score in scores)
    assert all(
        (relevance[a] > relevance[b]) <= (scores[a] >= scores[b])
        for a in range(len(scores))
        for b in range(len(scores))
    )


def test_what_points_away_scores_nothing() -> None:
    assert [cosine_score(one) for one in (-0.5, 0.25, 1.0000001)] == [0, 0.25, 1]
