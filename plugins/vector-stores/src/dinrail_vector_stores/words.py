"""Chunks by their words: BM25 over what the database's full text brings up, the same on every database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from sqlalchemy import RowMapping

from dinrail_sdk.sql.fulltext import WordQuery, words_of
from dinrail_sdk.sql.units import Owned
from dinrail_vector_stores.ranking import BM25
from dinrail_vector_stores.tables import FILES, WORDS

__all__ = ["FoundChunk", "Wanted", "by_words", "living_files"]

_WORDS = 24
"""The most words of a query that are looked for."""
_COUNTED = 500
"""Up to how many chunks a word is counted; of more it is guessed how many. Such words tell little, and are looked for
only if all of the query's are so."""
_COUNTED_ON = 5_000
"""Up to how many, where all of the query's are so: the rarest of them is to be found."""
_MOST = 5_000

Wanted = Callable[[Mapping[str, Any]], bool]
"""Whether a file's attributes fit."""


@dataclass(frozen=True, slots=True)
class FoundChunk:
    """A chunk that was found.

    Attributes:
        chunk: Its row.
        file: The row of its file, which is completed.
        score: How well it fits, 0 to 1.
    """

    chunk: RowMapping
    file: RowMapping
    score: float


def by_words(unit: Owned, store: RowMapping, query: str, limit: int, wanted: Wanted | None) -> list[FoundChunk]:
    """The chunks of a store that fit a query best, the best first.

    Args:
        unit: Of the caller's.
        store: The store's row, found by this unit.
        query: The query.
        limit: How many at most.
        wanted: What their files' attributes have to be.
    """
    frequencies = _frequencies(unit, store, query)
    measure = BM25(frequencies, store["chunks"], store["words"] / max(1, store["chunks"]))
    rare = WordQuery({word: measure.rarities[word] for word in _rarest(frequencies)}, measure.average)
    if not rare.weights:
        return []
    asked = limit + limit // 4
    while True:
        rows = unit.matching(WORDS, store, rare, asked)
        files = living_files(unit, {row["file"] for row in rows}, wanted)
        found = [
            FoundChunk(row, files[row["file"]], measure.score(row["words"], row["length"]))
            for row in rows
            if row["file"] in files
        ]
        if len(found) >= limit or len(rows) < asked or asked >= _MOST:
            break
        asked = min(_MOST, 5 * asked)
    found.sort(key=lambda one: (-one.score, one.chunk["id"]))
    return found[:limit]


def living_files(unit: Owned, ids: set[str], wanted: Wanted | None) -> dict[str, RowMapping]:
    """Those of some files that are completed and wanted, by id."""
    return {
        key: file
        for key, file in unit.get_all(FILES, ids).items()
        if file["status"] == "completed" and (wanted is None or wanted(file["attributes"]))
    }


def _frequencies(unit: Owned, store: RowMapping, query: str) -> Mapping[str, int]:
    """The query's words, and how many of the store's chunks have each."""
    words = list(dict.fromkeys(words_of(query[:10_000])))[:_WORDS]
    counted = unit.occurrences(WORDS, store, words, _COUNTED)
    common = [word for word, number in counted.items() if number >= _COUNTED]
    if common and not any(0 < number < _COUNTED for number in counted.values()):
        return {**counted, **unit.occurrences(WORDS, store, common, _COUNTED_ON)}
    guess = max(_COUNTED, int(sqrt(_COUNTED * store["chunks"])))
    return {**counted, **dict.fromkeys(common, guess)}


def _rarest(frequencies: Mapping[str, int]) -> Sequence[str]:
    """The words that are looked for: the rarest, as long as they do not bring up too much; one at least."""
    chosen: list[str] = []
    total = 0
    for word, frequency in sorted(frequencies.items(), key=lambda item: item[1]):
        total += frequency
        if frequency and (not chosen or total <= _COUNTED):
            chosen.append(word)
    return chosen
