"""The SQLite file: its tables, and everything that changes them. All of it blocks."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from dinrail_core.api.vector_index import Attribute, VectorRecord
from dinrail_core.errors import Conflict, NotFound, Unavailable
from dinrail_sdk.vectors.buffers import units

__all__ = ["Standing", "Writer", "connect", "standing", "translated"]

_VERSION = 1
_KEPT_CHANGES = 1_000
"""For how many changes of a collection other processes can catch up with what has gone; behind that they load anew."""
_RETRY_AFTER = 5.0

# A record that is replaced gets a new number, so what is new since a reader's last look has a higher one. What was
# removed, or has other attributes now, stands in `changes`.
_TABLES = """
CREATE TABLE IF NOT EXISTS collections (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    dimension INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 0,
    forgotten INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS attribute_sets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    collection INTEGER NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (collection, value)
);
CREATE TABLE IF NOT EXISTS records (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    collection INTEGER NOT NULL,
    id TEXT NOT NULL,
    file_id TEXT NOT NULL,
    attributes INTEGER NOT NULL,
    vector BLOB NOT NULL,
    UNIQUE (collection, id)
);
CREATE INDEX IF NOT EXISTS records_by_number ON records (collection);
CREATE INDEX IF NOT EXISTS records_by_file ON records (collection, file_id);
CREATE INDEX IF NOT EXISTS records_by_attributes ON records (collection, attributes);
CREATE TABLE IF NOT EXISTS changes (
    collection INTEGER NOT NULL,
    version INTEGER NOT NULL,
    number INTEGER NOT NULL,
    attributes INTEGER
);
CREATE INDEX IF NOT EXISTS changes_by_version ON changes (collection, version);
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """A collection as it stands now.

    Attributes:
        id: Never used again, not even for a collection of the same name.
        dimension: Of its vectors.
        version: Counts its changes.
        forgotten: Up to which version it is not known any more what was removed.
    """

    id: int
    dimension: int
    version: int
    forgotten: int


@contextmanager
def translated() -> Iterator[None]:
    """Turn what SQLite raises into what services understand."""
    try:
        yield
    except apsw.FullError as error:
        raise Unavailable("There is no room left for vectors.", retry_after=_RETRY_AFTER) from error
    except (apsw.BusyError, apsw.LockedError) as error:
        raise Unavailable("The file of vectors is being written by another process.", retry_after=1.0) from error
    except apsw.Error as error:
        reason = type(error).__name__
        raise Unavailable(f"The file of vectors cannot be used ({reason}).", retry_after=_RETRY_AFTER) from error


def connect(path: Path, busy_timeout: float) -> apsw.Connection:
    """Open the file, with its tables.

    Raises:
        Unavailable: It cannot be opened, or a newer program has written it.
    """
    with translated():
        connection = apsw.Connection(str(path))
        try:
            connection.set_busy_timeout(round(busy_timeout * 1000))
            connection.execute("PRAGMA page_size = 16384")  # three vectors of 1024 numbers, and no chains of pages
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.transaction_mode = "IMMEDIATE"
            found = connection.pragma("user_version")
            if found > _VERSION:
                raise Unavailable("The file of vectors was written by a newer program.")
            if found < _VERSION:
                with connection:
                    connection.execute(_TABLES)
                    connection.execute(f"PRAGMA user_version = {_VERSION}")
        except BaseException:
            connection.close()
            raise
    return connection


def standing(connection: apsw.Connection, collection: str) -> Standing:
    """How a collection stands.

    Raises:
        NotFound: There is none of that name.
    """
    row = connection.execute(
        "SELECT id, dimension, version, forgotten FROM collections WHERE name = ?", (collection,)
    ).fetchone()
    if row is None:
        raise NotFound("There is no such collection of vectors.")
    return Standing(*row)


class Writer:
    """Everything that changes the file.

    Args:
        connection: A connection that nobody else uses.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def create(self, collection: str, dimension: int) -> None:
        """See :meth:`VectorIndex.create`."""
        with translated(), self._connection:
            self._connection.execute(
                "INSERT OR IGNORE INTO collections (name, dimension) VALUES (?, ?)", (collection, dimension)
            )
            if standing(self._connection, collection).dimension != dimension:
                raise Conflict("The collection has vectors of another dimension.")

    def drop(self, collection: str) -> None:
        """See :meth:`VectorIndex.drop`."""
        with translated(), self._connection:
            for (number,) in self._connection.execute(
                "DELETE FROM collections WHERE name = ? RETURNING id", (collection,)
            ).fetchall():
                for table in ("records", "attribute_sets", "changes"):
                    self._connection.execute(f"DELETE FROM {table} WHERE collection = ?", (number,))  # noqa: S608  # ours

    def upsert(self, collection: str, records: Sequence[VectorRecord]) -> None:
        """See :meth:`VectorIndex.upsert`."""
        with translated(), self._changing(collection) as (now, version):
            vectors = units([record.vector for record in records], now.dimension)
            places = {record.id: place for place, record in enumerate(records)}
            self._remove(now, version, "id = ?", [(record_id,) for record_id in places])
            rows = []
            for place in places.values():
                record = records[place]
                attributes = self._attribute_set(now.id, record.attributes)
                rows.append((now.id, record.id, record.file_id, attributes, vectors[place].tobytes()))
            self._connection.executemany(
                "INSERT INTO records (collection, id, file_id, attributes, vector) VALUES (?, ?, ?, ?, ?)", rows
            )

    def set_attributes(self, collection: str, file_id: str, attributes: Mapping[str, Attribute]) -> None:
        """See :meth:`VectorIndex.set_attributes`."""
        with translated(), self._changing(collection) as (now, version):
            wanted = self._attribute_set(now.id, attributes)
            where = (now.id, file_id, wanted)
            before: list[Any] = self._connection.execute(
                "SELECT DISTINCT attributes FROM records WHERE collection = ? AND file_id = ? AND attributes <> ?",
                where,
            ).fetchall()
            changed = self._connection.execute(
                "UPDATE records SET attributes = ?3 WHERE collection = ?1 AND file_id = ?2 AND attributes <> ?3 "
                "RETURNING number",
                where,
            ).fetchall()
            self._connection.executemany(
                "INSERT INTO changes VALUES (?, ?, ?, ?)", [(now.id, version, number, wanted) for (number,) in changed]
            )
            self._sweep(now.id, {wanted, *(one for (one,) in before)})

    def delete(self, collection: str, ids: Collection[str]) -> None:
        """See :meth:`VectorIndex.delete`."""
        with translated(), self._changing(collection) as (now, version):
            self._remove(now, version, "id = ?", [(record_id,) for record_id in ids])

    def delete_file(self, collection: str, file_id: str) -> None:
        """See :meth:`VectorIndex.delete_file`."""
        with translated(), self._changing(collection) as (now, version):
            self._remove(now, version, "file_id = ?", [(file_id,)])

    @contextmanager
    def _changing(self, collection: str) -> Iterator[tuple[Standing, int]]:
        """A transaction that gives a collection a new version."""
        with self._connection:
            now = standing(self._connection, collection)
            version = now.version + 1
            yield now, version
            forgotten = max(now.forgotten, version - _KEPT_CHANGES)
            self._connection.execute(
                "UPDATE collections SET version = ?, forgotten = ? WHERE id = ?", (version, forgotten, now.id)
            )
            self._connection.execute("DELETE FROM changes WHERE collection = ? AND version <= ?", (now.id, forgotten))

    def _remove(self, now: Standing, version: int, condition: str, values: Sequence[tuple[str]]) -> None:
        gone: list[tuple[int, int]] = []
        for value in values:
            gone += self._connection.execute(
                f"DELETE FROM records WHERE collection = ? AND {condition} RETURNING number, attributes",  # noqa: S608  # ours
                (now.id, *value),
            )
        self._connection.executemany(
            "INSERT INTO changes VALUES (?, ?, ?, NULL)", [(now.id, version, number) for number, _ in gone]
        )
        self._sweep(now.id, {attributes for _, attributes in gone})

    def _attribute_set(self, collection: int, attributes: Mapping[str, Attribute]) -> int:
        value = (collection, json.dumps(dict(attributes), sort_keys=True))
        self._connection.execute("INSERT OR IGNORE INTO attribute_sets (collection, value) VALUES (?, ?)", value)
        found: int = self._connection.execute(
            "SELECT id FROM attribute_sets WHERE collection = ? AND value = ?", value
        ).get
        return found

    def _sweep(self, collection: int, sets: Iterable[int]) -> None:
        """Remove sets of attributes that no record has any more."""
        self._connection.executemany(
            "DELETE FROM attribute_sets WHERE id = ?1 AND NOT EXISTS "
            "(SELECT 1 FROM records WHERE collection = ?2 AND attributes = ?1)",
            [(one, collection) for one in sets],
        )
