"""Rows are found by words, the same ones on both databases, and only by those whose rows they are."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, String, Text, text

sys.path.insert(0, str(Path(__file__).parent))

from sql_notes import ANN, BOB, EVE, Store

from dinrail_sdk.sql.fulltext import FullText, WordQuery, create_full_text, words_of
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
    Column("length", Integer, nullable=False),
    part_of="books",
)
INDEX = FullText(PAGES, words=PAGES.c.words, length=PAGES.c.length, within=PAGES.c.book, key=PAGES.c.key)


@pytest.fixture
def library(store: Store) -> Store:
    store.raw(METADATA.create_all)
    store.raw(make_index)
    return store


def make_index(connection: Connection) -> None:
    operations = SimpleNamespace(get_bind=lambda: connection, execute=lambda sql: connection.execute(text(sql)))
    create_full_text(operations, "book_pages", words="words", length="length", within="book", key="key")


def fill(unit: Owned, book: str, *pages: str) -> None:
    unit.insert(BOOKS, {"id": book})
    first = abs(hash(book)) % 2**40
    unit.insert(
        PAGES,
        *(
            {
                "id": f"{book}-{number}",
                "book": book,
                "key": first + number,
                "words": " ".join(words_of(page)),
                "length": len(words_of(page)),
            }
            for number, page in enumerate(pages)
        ),
    )


def found(unit: Owned, book: str, query: str, limit: int = 10) -> list[str]:
    under = unit.get(BOOKS, book)
    assert under is not None
    return [row["id"] for row in unit.matching(INDEX, under, equally(*words_of(query)), limit)]


def weighed(unit: Owned, book: str, weights: dict[str, float]) -> list[str]:
    under: Any = {"id": book}
    return [row["id"] for row in unit.matching(INDEX, under, WordQuery(weights, 4.0), 100)]


def equally(*words: str) -> WordQuery:
    """Words that tell the same."""
    return WordQuery(dict.fromkeys(words, 1.0), 4.0)


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
        return unit.matching(INDEX, {"id": "bk_1"}, equally("secret"), 10)  # type: ignore[arg-type]  # a row it never found

    assert library.do(BOB, forged) == []
    assert library.do(EVE, forged) == []
    under: Any = {"id": "bk_1"}
    assert library.do(ANN, lambda unit: unit.occurrences(INDEX, under, ["secret", "plan", "no"], 10)) == {
        "secret": 1,
        "plan": 1,
        "no": 0,
    }
    assert library.do(BOB, lambda unit: unit.occurrences(INDEX, under, ["secret"], 10)) == {"secret": 0}


def test_the_likeliest_are_the_same_whatever_else_is_in_the_table(library: Store) -> None:
    library.do(ANN, lambda unit: fill(unit, "bk_1", "red sky", "red red sky", "blue sky", "red blue long long long"))
    alone = library.do(ANN, lambda unit: weighed(unit, "bk_1", {"red": 1.0, "blue": 2.0}))
    library.do(ANN, lambda unit: fill(unit, "bk_2", *["blue"] * 20))
    library.do(EVE, lambda unit: fill(unit, "bk_3", *["blue blue"] * 20))
    assert library.do(ANN, lambda unit: weighed(unit, "bk_1", {"red": 1.0, "blue": 2.0})) == alone
    assert alone[0] == "bk_1-3"
    assert set(alone) == {f"bk_1-{number}" for number in range(4)}


def test_what_a_word_tells_decides(library: Store) -> None:
    library.do(ANN, lambda unit: fill(unit, "bk_1", "red sky", "blue sky"))
    assert library.do(ANN, lambda unit: weighed(unit, "bk_1", {"red": 1.0, "blue": 2.0})) == ["bk_1-1", "bk_1-0"]
    assert library.do(ANN, lambda unit: weighed(unit, "bk_1", {"red": 2.0, "blue": 1.0})) == ["bk_1-0", "bk_1-1"]


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@given(
    pages=st.lists(st.text("abc ", max_size=12), min_size=1, max_size=12),
    gone=st.sets(st.integers(0, 11)),
    weights=st.dictionaries(st.sampled_from("abcd"), st.sampled_from([0.5, 1.0, 3.0]), min_size=1),
)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sqlite_finds_those_of_the_highest_bm25_while_rows_come_and_go(
    library: Store, pages: list[str], gone: set[int], weights: dict[str, float]
) -> None:
    def work(unit: Owned) -> list[str]:
        unit.delete(PAGES)
        unit.delete(BOOKS)
        fill(unit, "bk_1", *pages)
        unit.delete(PAGES, PAGES.c.id.in_([f"bk_1-{number}" for number in gone]))
        return weighed(unit, "bk_1", weights)

    expected = {}
    for number, words in ((number, words_of(page)) for number, page in enumerate(pages) if number not in gone):
        norm = 1.2 * (1 - 0.75 + 0.75 * len(words) / 4.0)
        times = {word: words.count(word) for word in weights}
        if any(times.values()):
            expected[f"bk_1-{number}"] = sum(weights[word] * n / (n + norm) for word, n in times.items())
    there = library.do(ANN, work)
    assert set(there) == set(expected)
    scores = [expected[page] for page in there]
    assert scores == pytest.approx(sorted(scores, reverse=True))


OLDER = """
DROP TABLE book_pages_terms;
DROP TRIGGER book_pages_words_insert;
DROP TRIGGER book_pages_words_delete;
DROP TABLE book_pages_words;
DROP INDEX ix_book_pages_lengths;
CREATE VIRTUAL TABLE book_pages_words USING fts5(book, words, content='book_pages', content_rowid='key');
CREATE TRIGGER book_pages_words_insert AFTER INSERT ON book_pages BEGIN
  INSERT INTO book_pages_words(rowid, book, words) VALUES (new.key, new.book, new.words); END;
CREATE TRIGGER book_pages_words_delete AFTER DELETE ON book_pages BEGIN
  INSERT INTO book_pages_words(book_pages_words, rowid, book, words)
  VALUES ('delete', old.key, old.book, old.words); END
"""
"""What this made on SQLite before 0074."""


def test_an_index_of_before_is_made_anew_of_the_rows_that_are_there(library: Store) -> None:
    def age(connection: Connection) -> None:
        if connection.dialect.name == "sqlite":
            for statement in re.split(r";\n(?!  )", OLDER):
                connection.execute(text(statement))

    library.raw(age)
    library.do(ANN, lambda unit: fill(unit, "bk_1", "red", "green"))
    library.raw(make_index)
    assert library.do(ANN, lambda unit: found(unit, "bk_1", "green")) == ["bk_1-1"]
    library.do(ANN, lambda unit: unit.delete(PAGES, PAGES.c.id == "bk_1-1"))
    library.do(ANN, lambda unit: fill(unit, "bk_2", "green"))
    assert library.do(ANN, lambda unit: found(unit, "bk_1", "green red")) == ["bk_1-0"]
    assert library.do(ANN, lambda unit: found(unit, "bk_2", "green red")) == ["bk_2-0"]


def test_ids_that_end_alike_are_told_apart(library: Store) -> None:
    library.do(ANN, lambda unit: fill(unit, "bk_a_0123456789abcdef", "red"))
    library.do(EVE, lambda unit: fill(unit, "bk_b_0123456789abcdef", "red"))
    assert library.do(ANN, lambda unit: found(unit, "bk_a_0123456789abcdef", "red")) == ["bk_a_0123456789abcdef-0"]


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
        library.do(ANN, lambda unit: unit.matching(INDEX, under, equally(word), 10))


@given(st.text())
def test_words_are_words_whatever_the_text(text: str) -> None:
    for word in words_of(text):
        assert word
        assert len(word) <= 60
        assert not any(character.isspace() or character in "_'\"-" for character in word)


def test_plurals() -> None:
    words = ["cities", "boxes", "ties", "glass", "status", "cars", "is", "toes", "series"]
    assert words_of(" ".join(words)) == ["city", "box", "tie", "glass", "status", "car", "is", "toes", "sery"]
