"""One collection: its records in a file, its vectors in FAISS. All of it blocks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import faiss
import numpy as np
import orjson

from dinrail_core.api.items.filters import Filter
from dinrail_core.api.vector_index import Attribute, VectorHit, VectorRecord
from dinrail_sdk.vectors.base import clipped
from dinrail_sdk.vectors.buffers import Floats
from dinrail_sdk.vectors.filters import matcher

__all__ = ["Shard"]

_TABLE = """
CREATE TABLE IF NOT EXISTS records (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    file_id TEXT NOT NULL,
    attributes TEXT NOT NULL,
    vector BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS records_by_file ON records (file_id);
"""


class Shard:
    """The file says what there is; FAISS holds a copy of the vectors in memory.

    Args:
        path: The file.
        dimension: Of the vectors.
    """

    def __init__(self, path: Path, dimension: int) -> None:
        self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = FULL")
        self._file.executescript(_TABLE)
        self._index = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))
        self._records: dict[int, tuple[str, str, str]] = {}
        self._sets: dict[str, dict[str, Attribute]] = {}
        rows = self._file.execute("SELECT number, id, file_id, attributes, vector FROM records").fetchall()
        if rows:
            vectors = np.frombuffer(b"".join(row[4] for row in rows), dtype="<f4").reshape(-1, dimension)
            self._take_in({row[0]: (row[1], row[2], row[3]) for row in rows}, vectors)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def upsert(self, records: Sequence[VectorRecord], rows: Floats) -> None:
        """Put records in the place of those with their ids."""
        added: dict[int, tuple[str, str, str]] = {}
        with self._transaction():
            gone = self._deleted("id", [record.id for record in records])
            for record, row in zip(records, rows, strict=True):
                said = (
                    record.id,
                    record.file_id,
                    orjson.dumps(record.attributes, option=orjson.OPT_SORT_KEYS).decode(),
                )
                cursor = self._file.execute(
                    "INSERT INTO records (id, file_id, attributes, vector) VALUES (?, ?, ?, ?)", (*said, row.tobytes())
                )
                assert cursor.lastrowid is not None
                added[cursor.lastrowid] = said
        self._take_out(gone)
        self._take_in(added, rows)

    def set_attributes(self, file_id: str, attributes: Mapping[str, Attribute]) -> None:
        """Replace the attributes of a file's records."""
        said = orjson.dumps(attributes, option=orjson.OPT_SORT_KEYS).decode()
        with self._transaction():
            changed = self._file.execute(
                "UPDATE records SET attributes = ? WHERE file_id = ? RETURNING number, id", (said, file_id)
            ).fetchall()
        self._sets[said] = orjson.loads(said)
        for number, record_id in changed:
            self._records[number] = (record_id, file_id, said)

    def delete(self, column: str, values: Sequence[str]) -> None:
        """Remove records by ``id`` or ``file_id``."""
        with self._transaction():
            gone = self._deleted(column, values)
        self._take_out(gone)

    def search(self, vector: Floats, limit: int, filter: Filter | None) -> list[VectorHit]:
        """The nearest."""
        parameters = None
        if filter is not None:
            matches = matcher(filter)
            sets = {said for said, attributes in self._sets.items() if matches(attributes)}
            numbers = [number for number, record in self._records.items() if record[2] in sets]
            limit = min(limit, len(numbers))
            selector = faiss.IDSelectorBatch(np.array(numbers, dtype=np.int64))
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]  # its stubs lack it
        limit = min(limit, len(self._records))
        if limit == 0:
            return []
        similarities, numbers = self._index.search(vector[None], limit, params=parameters)
        return [
            self._hit(int(number), float(similarity))
            for similarity, number in zip(similarities[0], numbers[0], strict=True)
        ]

    def count(self, file_id: str | None) -> int:
        """How many records there are."""
        return sum(file_id in (None, record[1]) for record in self._records.values())

    def _hit(self, number: int, similarity: float) -> VectorHit:
        record_id, file_id, _ = self._records[number]
        return VectorHit(record_id, file_id, clipped(similarity))

    def _deleted(self, column: str, values: Sequence[str]) -> list[int]:
        statement = f"DELETE FROM records WHERE {column} = ? RETURNING number"  # noqa: S608  # one of ours
        return [number for value in values for (number,) in self._file.execute(statement, (value,)).fetchall()]

    def _take_in(self, records: Mapping[int, tuple[str, str, str]], rows: Floats) -> None:
        for _, _, said in records.values():
            if said not in self._sets:
                self._sets[said] = orjson.loads(said)
        self._records.update(records)
        self._index.add_with_ids(np.ascontiguousarray(rows), np.fromiter(records, np.int64, len(records)))

    def _take_out(self, numbers: Sequence[int]) -> None:
        if numbers:
            self._index.remove_ids(faiss.IDSelectorBatch(np.array(numbers, dtype=np.int64)))
        for number in numbers:
            del self._records[number]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._file.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._file.execute("ROLLBACK")
            raise
        self._file.execute("COMMIT")
