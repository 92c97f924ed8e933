"""Relevance of documents to a query: the cosine of their vectors, and matching words (BM25). Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from dinrail_onnx_embeddings.model import Vector, unit

__all__ = ["bm25", "cosines", "relevance", "words"]

_SATURATION = 1.2
_LENGTH = 0.75
"""BM25's k1 and b at the values that Robertson and Zaragoza (2009, section 3.5) call reasonable in most cases."""

_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]{{1,64}}")
_STEM = 5


def words(text: str) -> Iterator[str]:
    """The words of a text as they are compared: in lower case, without endings.

    Cutting a word to its first letters does for many languages nearly what a stemmer does for one. In scripts without
    spaces each character is a word.
    """
    for found in _WORD.finditer(text):
        word = found[0].casefold()
        yield word[:_STEM] if word.isalpha() else word


def bm25(query: str, documents: Sequence[str], most: int | None = None) -> NDArray[np.float64]:
    """How well each document matches the query's words, by statistics of these documents alone.

    A ready-made library would index a standing collection; here the collection lives for one request.

    Args:
        query: The query.
        documents: The documents.
        most: How many words of each are looked at.

    Returns:
        Scores from 0 (no word of the query) to 1 (every one, as often as a document of this length lets expect).
    """
    columns = {word: column for column, word in enumerate(dict.fromkeys(words(query)))}
    if not columns:
        return np.zeros(len(documents))
    counts = np.zeros((len(documents), len(columns)))
    lengths = np.zeros(len(documents))
    for row, document in enumerate(documents):
        found = Counter(islice(words(document), most))
        lengths[row] = found.total()
        for word in columns.keys() & found.keys():
            counts[row, columns[word]] = found[word]
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


def relevance(cosine: NDArray[np.float64], matching: NDArray[np.float64], words_weight: float) -> list[float]:
    """Both taken together, from 0 to 1."""
    combined: list[float] = ((1 - words_weight) * cosine + words_weight * matching).tolist()
    return combined
