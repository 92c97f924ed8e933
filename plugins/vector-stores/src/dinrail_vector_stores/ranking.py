"""Scores: BM25, how two ways of searching are fused, and how a reranker's numbers become scores. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

__all__ = ["as_scores", "bm25", "cosine_score", "rrf", "weighted"]

_K1 = 1.2
_B = 0.75
_RRF = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009)."""


def bm25(words: str, length: int, frequencies: Mapping[str, int], documents: int, average: float) -> float:
    """How well a chunk fits a query, as a share of the most that any chunk could reach: 0 to 1.

    Args:
        words: The chunk's words, joined by spaces.
        length: How many they are.
        frequencies: The query's words, and how many of the store's chunks have each; those that none has do not count.
        documents: How many chunks the store has.
        average: How many words a chunk has on average.
    """
    padded = f" {words.replace(' ', '  ')} "  # so that neighbours share no space, and each is counted
    norm = _K1 * (1 - _B + _B * length / max(average, 1.0))
    score = most = 0.0
    for word, frequency in frequencies.items():
        if frequency <= 0:
            continue
        rarity = math.log(1 + (max(documents, frequency) - frequency + 0.5) / (frequency + 0.5))
        occurrences = padded.count(f" {word} ")
        score += rarity * occurrences * (_K1 + 1) / (occurrences + norm)
        most += rarity * (_K1 + 1)
    return min(1.0, score / most) if most else 0.0


def cosine_score(similarity: float) -> float:
    """A cosine as a score: what points away is as bad as what has nothing to do with it."""
    return min(1.0, max(0.0, similarity))


def rrf(meaning: Sequence[str], words: Sequence[str], weights: tuple[float, float]) -> dict[str, float]:
    """Reciprocal rank fusion: 1 for what is first in both lists.

    Args:
        meaning: Ids, the best first, by vectors.
        words: Ids, the best first, by words.
        weights: How much each of the lists counts.
    """
    scores: dict[str, float] = {}
    for ranked, weight in ((meaning, weights[0]), (words, weights[1])):
        for rank, key in enumerate(ranked, 1):
            scores[key] = scores.get(key, 0.0) + weight / (_RRF + rank)
    most = sum(weights) / (_RRF + 1)
    return {key: score / most for key, score in scores.items()}


def weighted(
    meaning: Mapping[str, float], words: Mapping[str, float], weights: tuple[float, float]
) -> dict[str, float]:
    """The mean of both scores. What the vectors did not bring up counts as near as the last that they did.

    Args:
        meaning: Scores by vectors; the nearest of all.
        words: Scores by words.
        weights: How much each of the scores counts.
    """
    floor = min(meaning.values(), default=0.0)
    total = sum(weights)
    return {
        key: (weights[0] * meaning.get(key, floor) + weights[1] * words.get(key, 0.0)) / total
        for key in {**meaning, **words}
    }


def as_scores(relevance: Sequence[float]) -> list[float]:
    """A reranker's numbers as scores of 0 to 1: as they are where they are such, else by the logistic function."""
    if all(0.0 <= one <= 1.0 for one in relevance):
        return list(relevance)
    return [1 / (1 + math.exp(-max(-60.0, min(60.0, one)))) for one in relevance]
