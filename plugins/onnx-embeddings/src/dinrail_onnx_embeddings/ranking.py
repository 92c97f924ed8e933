"""Relevance of documents to a query: the cosine of their vectors, and matching words (BM25). Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dinrail_onnx_embeddings.model import Tokens, Vector, unit

__all__ = ["bm25", "cosines", "relevance"]

_SATURATION = 1.2
_LENGTH = 0.75
"""BM25's k1 and b at the values that Robertson and Zaragoza (2009, section 3.5) call reasonable in most cases."""


def bm25(query: Tokens, documents: Sequence[Tokens]) -> NDArray[np.float64]:
    """How well each document matches the query's tokens, by statistics of these documents alone.

    A ready-made library would index a standing collection; here the collection lives for one request.

    Returns:
        Scores from 0 (no token of the query) to 1 (every one, as often as a document of this length lets expect).
    """
    terms = {term: column for column, term in enumerate(dict.fromkeys(query))}
    if not terms:
        return np.zeros(len(documents))
    counts = np.zeros((len(documents), len(terms)))
    for row, document in enumerate(documents):
        for term, count in Counter(token for token in document if token in terms).items():
            counts[row, terms[term]] = count
    lengths = np.array([len(document) for document in documents], float)
    containing = (counts > 0).sum(axis=0)
    rarity = np.log1p((len(documents) - containing + 0.5) / (containing + 0.5))
    norm = _SATURATION * (1 - _LENGTH + _LENGTH * lengths / max(1.0, lengths.mean()))
    weights = counts * (_SATURATION + 1) / (counts + norm[:, None])
    scores: NDArray[np.float64] = np.minimum(1.0, weights @ rarity / rarity.sum())
    return scores


def cosines(query: Vector, vectors: Sequence[Vector], owners: Sequence[int], documents: int) -> NDArray[np.float64]:
    """The best cosine among the windows of each document; opposite counts as unrelated.

    Args:
        query: The query's vector.
        vectors: The windows' vectors.
        owners: Which document each window is from.
        documents: How many documents there are.

    Returns:
        Scores from 0 to 1; 0 for a document without windows.
    """
    best = np.zeros(documents)
    if vectors:
        matches = unit(np.stack(vectors)) @ unit(query[None])[0]
        np.maximum.at(best, np.asarray(owners), matches)
    return np.minimum(best, 1.0)


def relevance(cosine: NDArray[np.float64], words: NDArray[np.float64], words_weight: float) -> list[float]:
    """Both taken together, from 0 to 1."""
    combined = (1 - words_weight) * cosine + words_weight * words
    return [0.0 if math.isnan(score) else score for score in combined.tolist()]
