"""Rows that are found by words: SQLite's FTS5 and PostgreSQL's full text behind one declaration.

A service declares which of a table's columns holds words and within what a search stays, and makes the index in its
migration. Words are made by :func:`words_of`, for what is kept and for what is looked for, so that both databases find
the same rows. What the databases say about rank only chooses candidates; their measures are not the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Select, Table, case, func, literal, literal_column, select, table

__all__ = ["FullText", "create_full_text", "words_of"]

_WORD = re.compile(r"[^\W_]+")
_WITHOUT_SPACES = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0e7f]+")
_LONGEST = 60
_VECTOR = "dinrail_words"
"""The column of PostgreSQL's lexemes, which SQLAlchemy's table does not have."""


def words_of(text: str) -> list[str]:
    """The words of a text, as they are indexed and looked for: without case, accents and English plural endings.

    Scripts without spaces between words give pairs of neighbouring characters.
    """
    if not text.isascii():
        apart = unicodedata.normalize("NFKD", text)
        text = "".join(one for one in apart if not unicodedata.combining(one))
        text = unicodedata.normalize("NFC", text)
    found = _WORD.findall(text.casefold())
    if text.isascii():
        return [_singular(word[:_LONGEST]) for word in found]
    return [piece for word in found for piece in _pieces(word[: 20 * _LONGEST])]


def _pieces(word: str) -> Iterator[str]:
    at = 0
    for run in _WITHOUT_SPACES.finditer(word):
        if run.start() > at:
            yield _singular(word[at : run.start()][:_LONGEST])
        text = run[0]
        yield from (text[index : index + 2] for index in range(max(1, len(text) - 1)))
        at = run.end()
    if at < len(word):
        yield _singular(word[at:][:_LONGEST])


def _singular(word: str) -> str:
    """Without the ending of an English plural (Harman's "S stemmer" of 1991, and its sibilants)."""
    if len(word) < 4 or word[-1] != "s" or word[-2] in "us":
        return word
    if word.endswith("ies") and len(word) > 4:
        return word if word[-4] in "ae" else word[:-3] + "y"
    if word.endswith(("xes", "zes", "ches", "shes", "sses")):
        return word[:-2]
    if word.endswith("es"):
        return word[:-1] if word[-3] not in "aeo" else word
    return word[:-1]


@dataclass(frozen=True, slots=True)
class FullText:
    """A table whose rows are found by words.

    Attributes:
        table: An owned table.
        words: The column of words, joined by spaces.
        within: The column that says what a row belongs to (an id); a search stays within one.
        key: A column of unique 64-bit integers.
    """

    table: Table
    words: Column[Any]
    within: Column[Any]
    key: Column[Any]

    def candidates(self, dialect: str, within: str, wanted: Sequence[str], limit: int) -> Select[Any]:
        """A query for ``key`` and ``rank`` of the likeliest rows, the likeliest first; for units of work."""
        if dialect == "sqlite":
            name = _index(self.table.name)
            index = table(name)
            rank: Any = literal_column(f"bm25({name}, 0.0, 1.0)").label("rank")
            found: Select[Any] = select(literal_column("rowid").label("key"), rank).select_from(index)
            found = found.where(literal_column(name).op("MATCH")(self._match(within, wanted)))
            return found.order_by(rank).limit(limit)
        lexemes: Any = literal_column(f"{self.table.name}.{_VECTOR}")
        # A word that is there counts more than how often it is, which chunks of like length make of little weight.
        parts = [
            case((lexemes.op("@@")(query), 1 + func.ts_rank(lexemes, query, 1)), else_=literal(0.0))
            for query in (func.to_tsquery("simple", _lexeme(word)) for word in wanted)
        ]
        rank = (-sum(parts[1:], parts[0])).label("rank")
        statement: Select[Any] = select(self.key.label("key"), rank).where(self.within == within, self._has(wanted))
        return statement.order_by(rank).limit(limit)

    def occurrences(self, dialect: str, within: str, word: str, at_most: int) -> Select[Any]:
        """A query for a row for each that has the word; for units of work."""
        if dialect == "sqlite":
            name = _index(self.table.name)
            found: Select[Any] = select(literal_column("rowid")).select_from(table(name))
            return found.where(literal_column(name).op("MATCH")(self._match(within, [word]))).limit(at_most)
        return select(self.key).where(self.within == within, self._has([word])).limit(at_most)

    def _match(self, within: str, wanted: Sequence[str]) -> str:
        """FTS5's query; what is no letter, digit, ``_`` or ``-`` never gets into it."""
        if not all(re.fullmatch(r"[\w-]+", word) for word in (within, *wanted)):
            raise TypeError("Words come from words_of(), and what they are within is an id.")
        words = " OR ".join(f'"{word}"' for word in wanted)
        return f'{self.within.name} : "{within}" AND {self.words.name} : ({words})'

    def _has(self, wanted: Sequence[str]) -> Any:
        query = func.to_tsquery("simple", " | ".join(map(_lexeme, wanted)))
        return literal_column(f"{self.table.name}.{_VECTOR}").op("@@")(query)


def create_full_text(operations: Any, table_name: str, *, words: str, within: str, key: str) -> None:
    """Make the index; in a migration, behind the table.

    On SQLite it is a table of its own that triggers keep in step, on PostgreSQL a computed column.

    Args:
        operations: ``alembic.op``.
        table_name: The table.
        words: Its column of words.
        within: Its column that a search stays within.
        key: Its column of unique integers.
    """
    if operations.get_bind().dialect.name == "postgresql":
        operations.execute(
            f"ALTER TABLE {table_name} ADD COLUMN {_VECTOR} tsvector "
            f"GENERATED ALWAYS AS (to_tsvector('simple', {words})) STORED"
        )
        operations.execute(f"CREATE INDEX ix_{table_name}_words ON {table_name} USING gin ({_VECTOR})")
        return
    name = _index(table_name)
    operations.execute(
        f"CREATE VIRTUAL TABLE {name} USING fts5({within}, {words}, content='{table_name}', content_rowid='{key}', "
        "tokenize=\"unicode61 remove_diacritics 0 tokenchars '_-'\")"
    )
    operations.execute(
        f"CREATE TRIGGER {name}_insert AFTER INSERT ON {table_name} BEGIN "  # noqa: S608 names of a migration's
        f"INSERT INTO {name}(rowid, {within}, {words}) VALUES (new.{key}, new.{within}, new.{words}); END"
    )
    operations.execute(
        f"CREATE TRIGGER {name}_delete AFTER DELETE ON {table_name} BEGIN "  # noqa: S608 names of a migration's
        f"INSERT INTO {name}({name}, rowid, {within}, {words}) "
        f"VALUES ('delete', old.{key}, old.{within}, old.{words}); END"
    )


def _index(table_name: str) -> str:
    return f"{table_name}_words"


def _lexeme(word: str) -> str:
    if not re.fullmatch(r"\w+", word):
        raise TypeError("Words come from words_of().")
    return f"'{word}'"
