"""Rows that are found by words: SQLite's FTS5 and PostgreSQL's full text behind one declaration.

A service declares which of a table's columns holds words and within what a search stays, and makes the index in its
migration. Words are made by :func:`words_of`, for what is kept and for what is looked for, so that both databases find
the same rows. What the databases say about rank only chooses candidates; their measures are not the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    Integer,
    Select,
    String,
    Table,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    select,
    table,
)

__all__ = ["FullText", "create_full_text", "words_of"]

_WORD = re.compile(r"[^\W_]+")
_WITHOUT_SPACES = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0e7f]+")
_LONGEST = 60
_VECTOR = "dinrail_words"
"""The column of PostgreSQL's lexemes, which SQLAlchemy's table does not have."""
_ANY, _WITHIN, _LIMIT, _NUMBERED = "any_", "within_", "limit_", "word_{}_"
"""Names of parameters; no column is called so."""


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


@dataclass(frozen=True, slots=True, eq=False)
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

    def candidates(
        self, dialect: str, within: str, wanted: Sequence[str], limit: int
    ) -> tuple[Select[Any], Mapping[str, Any]]:
        """A query for the likeliest rows, the likeliest first, and its parameters; for units of work."""
        if dialect == "sqlite":
            return _sqlite_candidates(self), {_ANY: self._match(within, wanted), _LIMIT: limit}
        lexemes = [_lexeme(word) for word in wanted]
        values = {_WITHIN: within, _LIMIT: limit, _ANY: " | ".join(lexemes), **_numbered(lexemes)}
        return _postgresql_candidates(self, len(lexemes)), values

    def occurrences(
        self, dialect: str, within: str, wanted: Sequence[str], at_most: int
    ) -> tuple[Select[Any], Mapping[str, Any]]:
        """A query for how many rows have each word, a column each, and its parameters; for units of work."""
        if dialect == "sqlite":
            values = _numbered([self._match(within, [word]) for word in wanted])
        else:
            values = {_WITHIN: within, **_numbered([_lexeme(word) for word in wanted])}
        return _occurrences(self, dialect, len(wanted)), {**values, _LIMIT: at_most}

    def _match(self, within: str, wanted: Sequence[str]) -> str:
        """FTS5's query; what is no letter, digit, ``_`` or ``-`` never gets into it."""
        if not all(re.fullmatch(r"[\w-]+", word) for word in (within, *wanted)):
            raise TypeError("Words come from words_of(), and what they are within is an id.")
        words = " OR ".join(f'"{word}"' for word in wanted)
        return f'{self.within.name} : "{within}" AND {self.words.name} : ({words})'


# Statements are made once for each number of words: making one costs as much as running it.


@cache
def _sqlite_candidates(index: FullText) -> Select[Any]:
    name = _index(index.table.name)
    rank: Any = literal_column(f"bm25({name}, 0.0, 1.0)").label("rank")
    found: Select[Any] = select(literal_column("rowid").label("key"), rank).select_from(table(name))
    found = found.where(literal_column(name).op("MATCH")(bindparam(_ANY)))
    return _ranked(index, found, rank)


@cache
def _postgresql_candidates(index: FullText, words: int) -> Select[Any]:
    lexemes = _lexemes(index)
    # A word that is there counts more than how often it is, which chunks of like length make of little weight.
    parts = [
        case((lexemes.op("@@")(query), 1 + func.ts_rank(lexemes, query, 1)), else_=literal(0.0))
        for query in (_query(_NUMBERED.format(number)) for number in range(words))
    ]
    rank = (-sum(parts[1:], parts[0])).label("rank")
    found: Select[Any] = select(index.key.label("key"), rank)
    return _ranked(index, found.where(index.within == bindparam(_WITHIN), lexemes.op("@@")(_query(_ANY))), rank)


def _ranked(index: FullText, found: Select[Any], rank: Any) -> Select[Any]:
    likeliest = found.order_by(rank).limit(bindparam(_LIMIT, type_=Integer)).subquery()
    joined = index.table.join(likeliest, likeliest.c.key == index.key)
    return select(index.table).select_from(joined).order_by(likeliest.c.rank)


@cache
def _occurrences(index: FullText, dialect: str, words: int) -> Select[Any]:
    counts = []
    for number in range(words):
        if dialect == "sqlite":
            name = _index(index.table.name)
            has = literal_column(name).op("MATCH")(bindparam(_NUMBERED.format(number)))
            found: Select[Any] = select(literal_column("rowid")).select_from(table(name)).where(has)
        else:
            has = _lexemes(index).op("@@")(_query(_NUMBERED.format(number)))
            found = select(index.key).where(index.within == bindparam(_WITHIN), has)
        some = found.limit(bindparam(_LIMIT, type_=Integer)).subquery()
        counts.append(select(func.count()).select_from(some).scalar_subquery())
    return select(*counts)


def _lexemes(index: FullText) -> Any:
    return literal_column(f"{index.table.name}.{_VECTOR}")


def _query(parameter: str) -> Any:
    return func.to_tsquery("simple", bindparam(parameter, type_=String))


def _numbered(values: Sequence[str]) -> Mapping[str, str]:
    return {_NUMBERED.format(number): value for number, value in enumerate(values)}


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
