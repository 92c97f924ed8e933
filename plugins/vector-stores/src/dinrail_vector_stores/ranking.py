"""Scores: BM25, how two ways of searching are fused, and how a reranker's numbers become scores. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from dinrail_sdk.sql.fulltext import SATURATION, SHORTNESS

__all__ = ["BM25", "as_scores", "cosine_score", "rrf", "weighted"]

_RRF = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009)."""


class BM25:
    """How well chunks fit a query.

    Args:
        frequencies: The query's words, and how many of the store's chunks have each; those that none has do not count.
        documents: How many chunks the store has.
        average: How many words a chunk has on average.

    Attributes:
        rarities: How much each of the words tells that are there at all.
        average: How many words a chunk has on average, one at least.
    """

    def __init__(self, frequencies: Mapping[str, int], documents: int, average: float) -> None:
        self.rarities = {
            word: math.log(1 + (max(documents, frequency) - frequency + 0.5) / (frequency + 0.5))
            for word, frequency in frequencies.items()
            if frequency > 0
        }
        self.average = max(average, 1.0)
        self._sought = [(f" {word} ", rarity) for word, rarity in self.rarities.items()]
        self._most = sum(self.rarities.values()) * (SATURATION + 1)

    def score(self, words: str, length: int) -> float:
        """A chunk's, as a share of the most that any could reach: 0 to 1.

        Args:
            words: The chunk's words, joined by spaces.
            length: How many they are.
        """
        if not self.rarities:
            return 0.0
        padded = f" {words.replace(' ', '  ')} "  # so that neighbours share no space, and each is counted
        norm = SATURATION * (1 - SHORTNESS + SHORTNESS * length / self.average)
        reached = 0.0
        for word, rarity in self._sought:
            occurrences = padded.count(word)
            reached += rarity * occurrences / (occurrences + norm)
        return min(1.0, reached * (SATURATION + 1) / self._most)


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
