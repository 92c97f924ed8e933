"""Rows are found by words, the same ones on both databases, and only by those whose rows they are."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, Connection, MetaData, String, Text, text

sys.path.insert(0, str(Path(__file__).parent))

from sql_notes import ANN, BOB, EVE, Store

from dinrail_sdk.sql.fulltext import FullText, create_full_text, words_of
from dinrail_sdk.sql.tables import owned_table
from dinrail_sdk.sql.units import Owned

METADATA = MetaData()
BOOKS = owned_table("books", METADATA)
PAGES = owned_table(
    "book_pages",
    METADATA,
    Column("book", String(80), nullable=False),
    Column("key", BigInteger, unique=True, nullable=False),
    Column("words", Text, nullable=False),
    part_of="books",
)
INDEX = FullText(PAGES, words=PAGES.c.words, within=PAGES.c.book, key=PAGES.c.key)


@pytest.fixture
def library(store: Store) -> Store:
    def make(connection: Connection) -> None:
        METADATA.create_all(connection)
        operations = SimpleNamespace(get_bind=lambda: connection, execute=lambda sql: connection.execute(text(sql)))
        create_full_text(operations, "book_pages", words="words", within="book", key="key")

    store.raw(make)
    return store


def fill(unit: Owned, book: str, *pages: str) -> None:
    unit.insert(BOOKS, {"id": book})
    first = abs(hash(book)) % 2**40
    unit.insert(
        PAGES,
        *(
            {"id": f"{book}-{number}", "book": book, "key": first + number, "words": " ".join(words_of(page))}
            for number, page in enumerate(pages)
        ),
    )


def found(unit: Owned, book: str, query: str, limit: int = 10) -> list[str]:
    under = unit.get(BOOKS, book)
    assert under is not None
    return [row["id"] for row in unit.matching(INDEX, under, words_of(query), limit)]


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("TIDES", 0),
        ("harbor seals", 1),
        ("cafe", 2),
        ("CAFÉ", 2),
        ("天気", 3),
        ("x86_64", 4),
        ("don't", 5),
        ('"NEAR(" OR *', 6),
    ],
)
def test_any_word_is_found_without_case_accents_and_plural(library: Store, query: str, page: int) -> None:
    pages = [
        "The tide comes in.",
        "A seal in the harbor",
        "Un café à Paris",
        "今日の天気は晴れ",
        "Runs on x86_64 only",
        "We don't",
        "It is near or far",
    ]
    library.do(ANN, lambda unit: fill(unit, "bk_1", *pages))
    assert library.do(ANN, lambda unit: found(unit, "bk_1", query))[0] == f"bk_1-{page}"


def test_what_has_more_of_the_words_comes_first_and_what_is_deleted_no_more(library: Store) -> None:
    library.do(ANN, lambda unit: fill(unit, "bk_1", "red", "red green", "red green blue", "grey"))
    assert library.do(ANN, lambda unit: found(unit, "bk_1", "blue green red")) == ["bk_1-2", "bk_1-1", "bk_1-0"]
    assert library.do(ANN, lambda unit: found(unit, "bk_1", "blue green red", 1)) == ["bk_1-2"]
    library.do(ANN, lambda unit: unit.delete(PAGES, PAGES.c.id == "bk_1-2"))
    assert library.do(ANN, lambda unit: found(unit, "bk_1", "blue green red")) == ["bk_1-1", "bk_1-0"]
    assert library.do(ANN, lambda unit: found(unit, "bk_1", "...")) == []


def test_a_search_stays_within_and_with_its_owner(library: Store) -> None:
    library.do(ANN, lambda unit: fill(unit, "bk_1", "secret plan"))
    library.do(ANN, lambda unit: fill(unit, "bk_2", "secret garden"))
    library.do(EVE, lambda unit: fill(unit, "bk_3", "secret agent"))
    assert library.do(ANN, lambda unit: found(unit, "bk_1", "secret")) == ["bk_1-0"]

    def forged(unit: Owned) -> Sequence[Any]:
        return unit.matching(INDEX, {"id": "bk_1"}, ["secret"], 10)  # type: ignore[arg-type]  # a row it never found

    assert library.do(BOB, forged) == []
    assert library.do(EVE, forged) == []
    under: Any = {"id": "bk_1"}
    assert library.do(ANN, lambda unit: unit.occurrences(INDEX, under, ["secret", "plan", "no"], 10)) == {
        "secret": 1,
        "plan": 1,
        "no": 0,
    }
    assert library.do(BOB, lambda unit: unit.occurrences(INDEX, under, ["secret"], 10)) == {"secret": 0}


def test_occurrences_are_counted_up_to_a_limit(library: Store) -> None:
    library.do(ANN, lambda unit: fill(unit, "bk_1", *["word"] * 7))
    under: Any = {"id": "bk_1"}
    assert library.do(ANN, lambda unit: unit.occurrences(INDEX, under, ["word"], 100)) == {"word": 7}
    assert library.do(ANN, lambda unit: unit.occurrences(INDEX, under, ["word"], 5)) == {"word": 5}


@pytest.mark.parametrize("word", ['a" OR "b', "a b", "", "a'"])
def test_only_words_get_into_a_query(library: Store, word: str) -> None:
    library.do(ANN, lambda unit: fill(unit, "bk_1", "a b"))
    under: Any = {"id": "bk_1"}
    with pytest.raises(TypeError):
        library.do(ANN, lambda unit: unit.matching(INDEX, under, [word], 10))


@given(st.text())
def test_words_are_words_whatever_the_text(text: str) -> None:
    for word in words_of(text):
        assert word
        assert len(word) <= 60
        assert not any(character.isspace() or character in "_'\"-" for character in word)


def test_plurals() -> None:
    words = ["cities", "boxes", "ties", "glass", "status", "cars", "is", "toes", "series"]
    assert words_of(" ".join(words)) == ["city", "box", "tie", "glass", "status", "car", "is", "toes", "sery"]
