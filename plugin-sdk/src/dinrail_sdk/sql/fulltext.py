"""Rows that are found by words: SQLite's FTS5 and PostgreSQL's full text behind one declaration.

A service declares which of a table's columns holds words and within what a search stays, and makes the index in its
migration. Words are made by :func:`words_of`, for what is kept and for what is looked for, so that both databases find
the same rows. What the databases say about rank only chooses candidates; their measures are not the same.

On SQLite every word is indexed together with what its row is within, as one token: what a search costs, and what it
counts, is a matter of that one object and not of all that are in the table.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    Float,
    Integer,
    Select,
    String,
    Table,
    Text,
    bindparam,
    case,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
    text,
)

__all__ = ["SATURATION", "SHORTNESS", "FullText", "WordQuery", "create_full_text", "words_of"]

SATURATION = 1.2
"""BM25's ``k1``: how soon more of a word tells no more."""
SHORTNESS = 0.75
"""BM25's ``b``: how much less a word tells in a row of many."""

_WORD = re.compile(r"[^\W_]+")
_WITHOUT_SPACES = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0e7f]+")
_LONGEST = 60
_VECTOR = "dinrail_words"
"""The column of PostgreSQL's lexemes, which SQLAlchemy's table does not have."""
_WITHIN, _LIMIT, _AVERAGE, _WORDS, _ANY = "within_", "limit_", "average_", "words_", "any_"
_NTH, _WEIGHT = "word_{}_", "weight_{}_"
"""Names of parameters; no column is called so."""
_LOOKED_AT = 5_000
"""Occurrences of words that SQLite looks at for one search; the heavier words come first."""
_TAIL = 16
"""Characters of an id that stand before each of SQLite's tokens: its end, which is random."""


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
class WordQuery:
    """What is looked for.

    Attributes:
        weights: The words, as :func:`words_of` makes them, and how much each tells.
        average: How many words a row has on average.
    """

    weights: Mapping[str, float]
    average: float


@dataclass(frozen=True, slots=True, eq=False)
class FullText:
    """A table whose rows are found by words.

    Attributes:
        table: An owned table.
        words: The column of words, joined by spaces.
        length: The column that says how many they are.
        within: The column that says what a row belongs to (an id); a search stays within one.
        key: A column of unique 64-bit integers.
    """

    table: Table
    words: Column[Any]
    length: Column[Any]
    within: Column[Any]
    key: Column[Any]

    def candidates(
        self, dialect: str, within: str, query: WordQuery, limit: int
    ) -> tuple[Select[Any], Mapping[str, Any]]:
        """A query for the likeliest rows, the likeliest first, and its parameters; for units of work.

        On SQLite they are those of the highest BM25, by the weights that are given, among the first 5,000 occurrences
        of the words; on PostgreSQL, which does not tell how often a row has a word without reading it, a word that is
        there counts more than how often it is.
        """
        ordered = dict(sorted(query.weights.items(), key=lambda item: -item[1]))
        values: dict[str, Any] = {_WITHIN: within, _LIMIT: limit}
        if dialect == "sqlite":
            tokens = dict(zip(_tokens(within, list(ordered)), ordered.values(), strict=True))
            words = json.dumps(tokens, ensure_ascii=False)
            return _sqlite_candidates(self), {**values, _WORDS: words, _AVERAGE: max(1.0, query.average)}
        lexemes = [_lexeme(word) for word in ordered]
        values |= {**_numbered(_WEIGHT, list(ordered.values())), **_numbered(_NTH, lexemes)}
        return _postgresql_candidates(self, len(lexemes)), {**values, _ANY: " | ".join(lexemes)}

    def occurrences(
        self, dialect: str, within: str, wanted: Sequence[str], at_most: int
    ) -> tuple[Select[Any], Mapping[str, Any]]:
        """A query for how many rows have each word, in order, as a list in JSON, and its parameters; for units of work.

        It has no row where the caller sees none of what the search is within.
        """
        values: dict[str, Any] = {_WITHIN: within, _LIMIT: at_most}
        if dialect == "sqlite":
            words = json.dumps(_tokens(within, wanted), ensure_ascii=False)
            return _sqlite_occurrences(self), {**values, _WORDS: words}
        values |= _numbered(_NTH, [_lexeme(word) for word in wanted])
        return _postgresql_occurrences(self, len(wanted)), values


def _tokens(within: str, words: Sequence[str]) -> list[str]:
    """SQLite's tokens; what is no letter, digit, ``_`` or ``-`` never gets into a query."""
    if not re.fullmatch(r"[\w-]+", within, re.ASCII) or not all(re.fullmatch(r"\w+", word) for word in words):
        raise TypeError("Words come from words_of(), and what they are within is an id.")
    return [f"{within[-_TAIL:].lower()}-{word}" for word in words]


# Statements are made once: making one costs more than running it.

_SQLITE_LIKELIEST = """
SELECT lengths."{key}" AS "key", -sum(
    weight * times / (times + {saturation} * (1 - {shortness} + {shortness} * lengths."{length}" / :average_))
) AS rank
FROM (
    SELECT doc, weight, count(*) AS times
    FROM (
        SELECT terms.doc, terms.term, words.value AS weight
        FROM json_each(:words_) AS words CROSS JOIN {terms} AS terms ON terms.term = words."key"
        LIMIT {looked_at}
    )
    GROUP BY doc, term
)
CROSS JOIN {table} AS lengths INDEXED BY {lengths} ON lengths."{key}" = doc
GROUP BY doc ORDER BY rank LIMIT :limit_
"""
"""A row's length is stored behind its text, so it is read from an index that SQLite would not take by itself."""
_SQLITE_COUNTS = """
SELECT json_group_array((
    SELECT count(*) FROM (SELECT 1 FROM {index} WHERE {index} MATCH '"' || words.value || '"' LIMIT :limit_)
)) FROM json_each(:words_) AS words
"""


@cache
def _sqlite_candidates(index: FullText) -> Select[Any]:
    likeliest = text(_sqlite(index, _SQLITE_LIKELIEST)).columns(column("key", Integer), column("rank", Float))
    return _ranked(index, likeliest.subquery()).where(index.within == bindparam(_WITHIN))


@cache
def _sqlite_occurrences(index: FullText) -> Select[Any]:
    return _seen(index, text(_sqlite(index, _SQLITE_COUNTS)).columns(column("counts", Text)).scalar_subquery())


def _sqlite(index: FullText, statement: str) -> str:
    name = index.table.name
    return statement.format(
        table=name,
        index=_index(name),
        terms=_terms(name),
        lengths=_lengths(name),
        key=index.key.name,
        length=index.length.name,
        saturation=SATURATION,
        shortness=SHORTNESS,
        looked_at=_LOOKED_AT,
    )


@cache
def _postgresql_candidates(index: FullText, words: int) -> Select[Any]:
    lexemes = _lexemes(index)
    # A word that is there counts more than how often it is, which chunks of like length make of little weight.
    parts = [
        case((lexemes.op("@@")(query), weight * (1 + func.ts_rank(lexemes, query, 1))), else_=literal(0.0))
        for query, weight in (
            (_query(_NTH.format(number)), bindparam(_WEIGHT.format(number), type_=Float)) for number in range(words)
        )
    ]
    rank = (-sum(parts[1:], parts[0])).label("rank")
    found: Select[Any] = select(index.key.label("key"), rank)
    found = found.where(index.within == bindparam(_WITHIN), lexemes.op("@@")(_query(_ANY)))
    return _ranked(index, found.order_by(rank).limit(bindparam(_LIMIT, type_=Integer)).subquery())


@cache
def _postgresql_occurrences(index: FullText, words: int) -> Select[Any]:
    counts = []
    for number in range(words):
        has = _lexemes(index).op("@@")(_query(_NTH.format(number)))
        found = select(index.key).where(index.within == bindparam(_WITHIN), has)
        some = found.limit(bindparam(_LIMIT, type_=Integer)).subquery()
        counts.append(select(func.count()).select_from(some).scalar_subquery())
    return _seen(index, cast(func.json_build_array(*counts), Text))


def _ranked(index: FullText, likeliest: Any) -> Select[Any]:
    joined = index.table.join(likeliest, likeliest.c.key == index.key)
    return select(index.table).select_from(joined).order_by(likeliest.c.rank)


def _seen(index: FullText, wanted: Any) -> Select[Any]:
    """Once, where there is a row: all within one object belong to whom it belongs to, so one of them speaks for all."""
    return (
        select(wanted.label("counts"))
        .select_from(index.table)
        .where(index.within == bindparam(_WITHIN))
        .limit(literal_column("1"))
    )


def _lexemes(index: FullText) -> Any:
    return literal_column(f"{index.table.name}.{_VECTOR}")


def _query(parameter: str) -> Any:
    return func.to_tsquery("simple", bindparam(parameter, type_=String))


def _numbered(name: str, values: Sequence[Any]) -> Mapping[str, Any]:
    return {name.format(number): value for number, value in enumerate(values)}


def create_full_text(operations: Any, table_name: str, *, words: str, length: str, within: str, key: str) -> None:
    """Make the index of the rows that are there, in the place of one that an older version has made; in a migration.

    On SQLite it is a table of its own that triggers keep in step, on PostgreSQL a computed column.

    Args:
        operations: ``alembic.op``.
        table_name: The table.
        words: Its column of words.
        length: Its column that says how many they are.
        within: Its column that a search stays within.
        key: Its column of unique integers.
    """
    if operations.get_bind().dialect.name == "postgresql":
        operations.execute(
            f"ALTER TABLE {table_name} ADD COLUMN IF NOT EXISTS {_VECTOR} tsvector "
            f"GENERATED ALWAYS AS (to_tsvector('simple', {words})) STORED"
        )
        operations.execute(f"CREATE INDEX IF NOT EXISTS ix_{table_name}_words ON {table_name} USING gin ({_VECTOR})")
        return
    name, terms, lengths = _index(table_name), _terms(table_name), _lengths(table_name)
    for there in (f"TRIGGER IF EXISTS {name}_insert", f"TRIGGER IF EXISTS {name}_delete", f"TABLE IF EXISTS {name}"):
        operations.execute(f"DROP {there}")
    # Words are as words_of() has made them. The cheapest tokenizer leaves all that is not ASCII alone.
    operations.execute(
        f"CREATE VIRTUAL TABLE {name} USING fts5({words}, content='', columnsize=0, tokenize=\"ascii tokenchars '_-'\")"
    )
    operations.execute(f"CREATE VIRTUAL TABLE IF NOT EXISTS {terms} USING fts5vocab({name}, instance)")
    operations.execute(f"CREATE INDEX IF NOT EXISTS {lengths} ON {table_name} ({key}, {length})")

    def tokens(row: str) -> str:
        tail = f"substr({row}{within}, -{_TAIL}) || '-'"
        return f"{tail} || replace({row}{words}, ' ', ' ' || {tail})"

    operations.execute(f"INSERT INTO {name}(rowid, {words}) SELECT {key}, {tokens('')} FROM {table_name}")  # noqa: S608 names of a migration's
    operations.execute(
        f"CREATE TRIGGER {name}_insert AFTER INSERT ON {table_name} BEGIN "  # noqa: S608 names of a migration's
        f"INSERT INTO {name}(rowid, {words}) VALUES (new.{key}, {tokens('new.')}); END"
    )
    operations.execute(
        f"CREATE TRIGGER {name}_delete AFTER DELETE ON {table_name} BEGIN "  # noqa: S608 names of a migration's
        f"INSERT INTO {name}({name}, rowid, {words}) VALUES ('delete', old.{key}, {tokens('old.')}); END"
    )


def _index(table_name: str) -> str:
    return f"{table_name}_words"


def _terms(table_name: str) -> str:
    return f"{table_name}_terms"


def _lengths(table_name: str) -> str:
    return f"ix_{table_name}_lengths"


def _lexeme(word: str) -> str:
    if not re.fullmatch(r"\w+", word):
        raise TypeError("Words come from words_of().")
    return f"'{word}'"
