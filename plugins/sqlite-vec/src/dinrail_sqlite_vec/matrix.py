"""A collection in memory: its vectors as one matrix, kept in step with the file."""

from __future__ import annotations

import json
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from dinrail_core.api.vector_index import VectorHit
from dinrail_sdk.vectors.buffers import Floats
from dinrail_sdk.vectors.filters import Matcher

__all__ = ["Matrix"]

_FEW = 0.1
"""Below this share of matching rows they are taken out of the matrix before they are multiplied."""


class Matrix:
    """The records of a collection, a row each.

    Args:
        collection: Its id in the file.
        dimension: Of its vectors.
        room: For how many rows room is made at once.

    Attributes:
        version: Which version of the collection it shows.
    """

    def __init__(self, collection: int, dimension: int, room: int) -> None:
        self.collection = collection
        self.version = 0
        self._rows: Floats = np.empty((room, dimension), dtype=np.float32)
        self._numbers = np.zeros(room, dtype=np.int64)
        self._sets = np.zeros(room, dtype=np.int64)
        self._there = np.zeros(room, dtype=np.bool_)
        self._names: list[tuple[str, str]] = []
        self._places: dict[int, int] = {}
        self._attributes: list[dict[str, str | int | float | bool]] = []

    @property
    def size(self) -> int:
        """Bytes."""
        return self._rows.nbytes

    @property
    def last(self) -> int:
        """The highest number of a record that it knows."""
        used = len(self._names)
        return int(self._numbers[used - 1]) if used else 0

    @property
    def last_set(self) -> int:
        """The highest number of a set of attributes that it knows."""
        return max(self._places, default=0)

    @property
    def gone(self) -> int:
        """How many rows are of records that are not there any more."""
        used = len(self._names)
        return used - int(np.count_nonzero(self._there[:used]))

    def knows(self, attribute_set: int) -> bool:
        """Whether it knows what attributes a set has."""
        return attribute_set in self._places

    def learn(self, attribute_set: int, value: str) -> None:
        """Take note of what attributes a set has, as JSON."""
        self._places[attribute_set] = len(self._attributes)
        self._attributes.append(json.loads(value))

    def change(self, number: int, attribute_set: int | None) -> None:
        """A record is gone, or has other attributes; does nothing where it is none of the matrix's."""
        used = len(self._names)
        place = int(np.searchsorted(self._numbers[:used], number))
        if place == used or self._numbers[place] != number:
            return
        if attribute_set is None:
            self._there[place] = False
        else:
            self._sets[place] = self._places[attribute_set]

    def extend(self, rows: Iterable[tuple[int, str, str, int, bytes]]) -> None:
        """Take in records: number, id, file, set of attributes, vector; numbers rise."""
        for number, record_id, file_id, attribute_set, vector in rows:
            used = len(self._names)
            if used == len(self._rows):
                self._grow(max(64, used + used // 2))
            self._rows[used] = np.frombuffer(vector, dtype="<f4")
            self._numbers[used], self._sets[used], self._there[used] = number, self._places[attribute_set], True
            self._names.append((record_id, file_id))

    def search(self, vector: Floats, limit: int, matches: Matcher | None) -> list[VectorHit]:
        """The nearest."""
        used = len(self._names)
        wanted = self._there[:used]
        if matches is not None:
            allowed = np.fromiter((matches(one) for one in self._attributes), np.bool_, len(self._attributes))
            wanted = wanted & allowed[self._sets[:used]]
        count = int(np.count_nonzero(wanted))
        if count == 0:
            return []
        places = np.flatnonzero(wanted)
        # Row by row, in this thread: a matrix's product would go to several, which wait for each other by computing.
        if count < _FEW * used:
            near = np.vecdot(self._rows[places], vector)
        else:
            near = np.vecdot(self._rows[:used], vector)[places]
        best = _highest(near, limit)
        return [self._hit(int(places[one]), float(near[one])) for one in best]

    def _hit(self, place: int, cosine: float) -> VectorHit:
        record_id, file_id = self._names[place]
        return VectorHit(record_id, file_id, max(-1.0, min(1.0, cosine)))

    def _grow(self, room: int) -> None:
        used = len(self._names)
        rows = np.empty((room, self._rows.shape[1]), dtype=np.float32)
        rows[:used] = self._rows[:used]
        self._rows = rows
        self._numbers = np.resize(self._numbers, room)
        self._sets = np.resize(self._sets, room)
        self._there = np.resize(self._there, room)


def _highest(values: npt.NDArray[np.float32], limit: int) -> npt.NDArray[np.intp]:
    """Where the highest values are, the highest first."""
    if len(values) > limit:
        few = np.argpartition(values, -limit)[-limit:]
        return few[np.argsort(-values[few], kind="stable")]
    return np.argsort(-values, kind="stable")
