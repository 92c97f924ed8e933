"""Which words of a query are looked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import RowMapping

from dinrail_sdk.sql.fulltext import WordQuery
from dinrail_sdk.sql.units import Owned
from dinrail_vector_stores.words import by_words

STORE = cast("RowMapping", {"id": "vs_1", "chunks": 100_000, "words": 8_000_000})


class Counts:
    """A unit of work that knows how many chunks have which word, and writes down what is looked for."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        self.counts = counts
        self.wanted: Sequence[str] = ()

    def occurrences(self, index: Any, under: Any, words: Sequence[str], at_most: int) -> Mapping[str, int]:
        return {word: min(at_most, self.counts.get(word, 0)) for word in words}

    def matching(self, index: Any, under: Any, query: WordQuery, limit: int) -> Sequence[RowMapping]:
        self.wanted = list(query.weights)
        return ()

    def get_all(self, table: Any, keys: Collection[str]) -> Mapping[str, RowMapping]:
        return {}


def looked_for(query: str, counts: Mapping[str, int]) -> Sequence[str]:
    unit = Counts(counts)
    by_words(cast("Owned", unit), STORE, query, 30, None)
    return unit.wanted


def test_the_rare_words_are_looked_for_and_those_that_no_chunk_has_are_not() -> None:
    counts = {"the": 90_000, "leave": 70, "annual": 12}
    assert looked_for("the annual leave zebra", counts) == ["annual", "leave"]


def test_of_common_words_alone_the_rarest_is_looked_for() -> None:
    assert looked_for("the who", {"the": 90_000, "who": 3_000}) == ["who"]


def test_a_query_of_nothing_that_is_there_looks_for_nothing() -> None:
    assert looked_for("zebra", {}) == ()
