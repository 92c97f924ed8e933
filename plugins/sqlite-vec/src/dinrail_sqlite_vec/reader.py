"""Searching and counting. All of it blocks."""

from __future__ import annotations

import json
from collections import OrderedDict

import apsw
import sqlite_vec

from dinrail_core.api.items.filters import Filter
from dinrail_core.api.vector_index import Vector, VectorHit
from dinrail_sdk.vectors.buffers import Floats, unit
from dinrail_sdk.vectors.filters import Matcher, matcher
from dinrail_sqlite_vec.database import Standing, standing, translated
from dinrail_sqlite_vec.matrix import Matrix

__all__ = ["Reader"]


class Reader:
    """Searches collections in memory while they fit, and in the file otherwise.

    Args:
        connection: A connection that nobody else uses.
        memory: Bytes of vectors that may be kept.
    """

    def __init__(self, connection: apsw.Connection, memory: int) -> None:
        self._connection = connection
        self._memory = memory
        self._matrices: OrderedDict[str, Matrix] = OrderedDict()
        with translated():
            connection.enable_load_extension(True)
            connection.load_extension(sqlite_vec.loadable_path())
            connection.enable_load_extension(False)

    def close(self) -> None:
        """Close the file."""
        self._matrices.clear()
        self._connection.close()

    def dimension(self, collection: str) -> int:
        """Of a collection's vectors."""
        with translated():
            return standing(self._connection, collection).dimension

    def count(self, collection: str, file_id: str | None) -> int:
        """See :meth:`VectorIndex.count`."""
        with translated():
            now = standing(self._connection, collection)
            return self._count(now, file_id)

    def search(self, collection: str, vector: Vector, limit: int, filter: Filter | None) -> list[VectorHit]:
        """See :meth:`VectorIndex.search`."""
        matches = matcher(filter) if filter is not None else None
        with translated():
            self._connection.execute("BEGIN")
            try:
                now = standing(self._connection, collection)
                wanted = unit(vector, now.dimension)
                matrix = self._matrix(collection, now)
                if matrix is None:
                    return self._scan(now, wanted, limit, matches)
            finally:
                self._connection.execute("COMMIT")
        return matrix.search(wanted, limit, matches)

    def _matrix(self, collection: str, now: Standing) -> Matrix | None:
        """The collection in memory, as it stands now; ``None`` where it does not fit."""
        matrix = self._matrices.pop(collection, None)
        if matrix is not None and not self._may_go_on(matrix, now):
            matrix = None
        if matrix is None:
            count = self._count(now, None)
            if count * now.dimension * 4 > self._memory:
                return None
            matrix = Matrix(now.id, now.dimension, count)
        if matrix.version < now.version:
            self._catch_up(matrix, now)
        if matrix.size > self._memory:
            return None
        self._matrices[collection] = matrix
        while sum(one.size for one in self._matrices.values()) > self._memory:
            self._matrices.popitem(last=False)
        return matrix

    def _may_go_on(self, matrix: Matrix, now: Standing) -> bool:
        if matrix.collection != now.id or matrix.version < now.forgotten:
            return False
        return matrix.version == now.version or matrix.gone * 4 <= self._count(now, None)

    def _catch_up(self, matrix: Matrix, now: Standing) -> None:
        run = self._connection.execute
        for attribute_set, value in run(
            "SELECT id, value FROM attribute_sets WHERE collection = ? AND id > ?", (now.id, matrix.last_set)
        ):
            matrix.learn(attribute_set, value)
        last = matrix.last
        for number, attribute_set in run(
            "SELECT number, attributes FROM changes WHERE collection = ? AND version > ? ORDER BY version",
            (now.id, matrix.version),
        ):
            if attribute_set is None or matrix.knows(attribute_set):  # one that is not there was changed again
                matrix.change(number, attribute_set)
        matrix.extend(
            run(
                "SELECT number, id, file_id, attributes, vector FROM records WHERE collection = ? AND number > ? "
                "ORDER BY number",
                (now.id, last),
            )
        )
        matrix.version = now.version

    def _scan(self, now: Standing, vector: Floats, limit: int, matches: Matcher | None) -> list[VectorHit]:
        condition, values = "", list[str]()
        if matches is not None:
            sets = self._connection.execute("SELECT id, value FROM attribute_sets WHERE collection = ?", (now.id,))
            allowed = [number for number, value in sets if matches(json.loads(value))]
            condition, values = " AND attributes IN (SELECT value FROM json_each(?))", [json.dumps(allowed)]
        found = self._connection.execute(
            "SELECT id, file_id, vec_distance_cosine(vector, ?) AS distance FROM records "  # noqa: S608  # ours
            f"WHERE collection = ?{condition} ORDER BY distance LIMIT ?",
            (vector.tobytes(), now.id, *values, limit),
        )
        return [VectorHit(record_id, file_id, max(-1.0, min(1.0, 1.0 - away))) for record_id, file_id, away in found]

    def _count(self, now: Standing, file_id: str | None) -> int:
        condition, values = (" AND file_id = ?", (file_id,)) if file_id is not None else ("", ())
        count: int = self._connection.execute(
            f"SELECT count(*) FROM records WHERE collection = ?{condition}",  # noqa: S608  # ours
            (now.id, *values),
        ).get
        return count
