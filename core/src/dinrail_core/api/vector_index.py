"""Where vectors are kept and found: the contract of vector databases, and what a filter means.

An index keeps vectors under names that services make, with what it needs to filter by, and nothing else: files, chunks,
texts, owners are rows. One instance holds many collections; a vector store is one.

A filter (:data:`~dinrail_core.api.items.filters.Filter`) means the same in every index:

- Numbers are compared as 64-bit floats (``1`` is ``1.0``), strings by code points, case counts. A boolean is neither:
  ``true`` is not ``1``, and nothing is a number because it looks like one.
- ``eq`` matches where the attribute is there, of the value's type, and equal; ``in`` where ``eq`` matches one of the
  values.
- ``ne`` and ``nin`` match wherever ``eq`` and ``in`` do not: also where the attribute is missing or of another type.
- ``gt``, ``gte``, ``lt``, ``lte`` match where the attribute is there, of the value's type, and stands so.
- ``and`` of nothing matches everything, ``or`` of nothing matches nothing.

An index whose engine cannot say one of these exactly asks for more and looks itself; it never answers differently.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from dinrail_core.errors import InvalidRequest, UnsupportedFeature

if TYPE_CHECKING:
    from dinrail_core.api.items.filters import ComparisonFilter, Filter

__all__ = [
    "MAX_DIMENSION",
    "MAX_LIMIT",
    "Attribute",
    "Vector",
    "VectorHit",
    "VectorIndex",
    "VectorRecord",
    "check_attributes",
    "check_collection",
    "check_dimension",
    "check_filter",
    "check_limit",
]

Vector: TypeAlias = bytes | bytearray | memoryview
"""Little-endian 32-bit floats, four bytes a dimension: what base64 embeddings decode to."""

Attribute: TypeAlias = str | int | float | bool
"""What a filter compares: a string, a finite number, or a boolean."""

MAX_DIMENSION = 16_000
"""The most numbers that a vector may have; an index may stop earlier."""

MAX_LIMIT = 1_000
"""The most hits that are asked for at once."""

_COLLECTION = re.compile(r"[a-z][a-z0-9_]{2,62}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_MAX_DEPTH = 32
_MAX_VALUES = 10_000
_ORDERED = frozenset({"gt", "gte", "lt", "lte"})
_LISTED = frozenset({"in", "nin"})


@dataclass(frozen=True, slots=True)
class VectorRecord:
    """A vector, and what it can be found and filtered by.

    Attributes:
        id: Its id, unique within the collection: letters, digits, ``-`` and ``_``, at most 128.
        file_id: The file that it belongs to, of the same letters.
        vector: The numbers; finite, and not all of them zero. Only the direction counts.
        attributes: What filters compare, as :func:`check_attributes` accepts it.
    """

    id: str
    file_id: str
    vector: Vector
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (_ID.fullmatch(self.id) and _ID.fullmatch(self.file_id)):
            raise ValueError("This is no id of a record or of a file.")


@dataclass(frozen=True, slots=True)
class VectorHit:
    """A vector that was found.

    Attributes:
        id: The record's id.
        file_id: The file that it belongs to.
        similarity: The cosine of the angle to what was searched for, -1 to 1, within 0.0001.
    """

    id: str
    file_id: str
    similarity: float


class VectorIndex(ABC):
    """Keeps vectors and finds the nearest by cosine.

    What a method has done when it returns is durable, and counts for every call that begins afterwards, also of another
    process that uses the same index. Calls may run at once, and a call may be repeated: after a failure, or when a
    process was killed, the same call again leads to the same state.

    All methods raise:
        NotFound: There is no such collection; :meth:`create` and :meth:`drop` do not.
        Unavailable: The index cannot be used at present (a disk that is full, a file that another process holds).
        UpstreamError: A database that is reached over the network failed.
        ValueError: A name or a limit is none of ours (:func:`check_collection`); a mistake in a service's code.
    """

    @abstractmethod
    async def create(self, collection: str, dimension: int) -> None:
        """Make a collection; nothing happens where it is there already with this dimension.

        Args:
            collection: Its name, as :func:`check_collection` accepts it.
            dimension: How many numbers each of its vectors has, 1 to :data:`MAX_DIMENSION`.

        Raises:
            Conflict: It is there with another dimension.
            UnsupportedFeature: The engine cannot have vectors of that many numbers.
        """

    @abstractmethod
    async def drop(self, collection: str) -> None:
        """Remove a collection with all that is in it; no error where there is none."""

    @abstractmethod
    async def upsert(self, collection: str, records: Sequence[VectorRecord]) -> None:
        """Put records in; one whose id is there takes the other's place whole. Of two with one id the last counts.

        Raises:
            InvalidRequest: A vector has another dimension, is not finite or is all zeros, or :func:`check_attributes`
                refuses; nothing of the call is stored then.
        """

    @abstractmethod
    async def set_attributes(self, collection: str, file_id: str, attributes: Mapping[str, Attribute]) -> None:
        """Give every record of a file these attributes in the place of those that it has.

        Raises:
            InvalidRequest: :func:`check_attributes` refuses.
        """

    @abstractmethod
    async def delete(self, collection: str, ids: Collection[str]) -> None:
        """Remove records; ids that are not there do not matter."""

    @abstractmethod
    async def delete_file(self, collection: str, file_id: str) -> None:
        """Remove all records of a file; no error where it has none."""

    @abstractmethod
    async def search(
        self, collection: str, vector: Vector, limit: int, filter: Filter | None = None
    ) -> Sequence[VectorHit]:
        """The nearest records, the nearest first; fewer than ``limit`` only where no more match.

        Args:
            collection: Where.
            vector: What is searched for.
            limit: How many are wanted, 1 to :data:`MAX_LIMIT`.
            filter: What their attributes have to be, as :func:`check_filter` accepts it.

        Raises:
            InvalidRequest: The vector has another dimension, is not finite, or is all zeros.
        """

    @abstractmethod
    async def count(self, collection: str, file_id: str | None = None) -> int:
        """How many records there are, in all or of a file."""


def check_collection(collection: str) -> str:
    """The name, if every database can have a collection of that name: lower-case letters, digits, ``_``, 3 to 63.

    Raises:
        ValueError: It is not; names that users give never become names of collections.
    """
    if not _COLLECTION.fullmatch(collection):
        raise ValueError("This is no name of a collection.")
    return collection


def check_dimension(dimension: int, most: int = MAX_DIMENSION) -> None:
    """See that vectors can have so many numbers.

    Args:
        dimension: How many.
        most: How many the engine can have, where that is less than :data:`MAX_DIMENSION`.

    Raises:
        UnsupportedFeature: They cannot.
    """
    if not 1 <= dimension <= most:
        raise UnsupportedFeature(f"Vectors may have 1 to {most} dimensions here, not {dimension}.")


def check_limit(limit: int) -> None:
    """See that so many hits can be asked for.

    Raises:
        ValueError: They cannot; a mistake in a service's code, which checks what its callers ask for.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise ValueError(f"The limit is 1 to {MAX_LIMIT}.")


def check_attributes(attributes: Mapping[str, Attribute], param: str = "attributes") -> None:
    """See that every value can be compared: text that is Unicode, a finite number, or a boolean.

    Args:
        attributes: The attributes.
        param: The field of the request that they come from.

    Raises:
        InvalidRequest: One cannot.
    """
    for key, value in attributes.items():
        if not _is_unicode(key):
            raise InvalidRequest("A key is not valid Unicode.", param=param)
        _check_value(value, f"{param}.{key}")


def check_filter(filter: Filter, param: str = "filters") -> None:
    """See that a filter has a meaning: a list where one is due, nothing ordered that has no order, not too deep.

    Args:
        filter: The filter.
        param: The field of the request that it comes from.

    Raises:
        InvalidRequest: It has none; ``param`` says where.
    """
    from dinrail_core.api.items.filters import CompoundFilter  # declaring an index makes no wire types

    values = 0
    waiting: list[tuple[Filter, str, int]] = [(filter, param, 1)]
    while waiting:
        one, where, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            raise InvalidRequest(f"Filters may be nested {_MAX_DEPTH} deep.", param=param)
        if isinstance(one, CompoundFilter):
            waiting += [(inner, f"{where}.filters.{index}", depth + 1) for index, inner in enumerate(one.filters)]
            values += 1
        else:
            _check_comparison(one, where)
            values += len(one.value) if isinstance(one.value, list) else 1
        if values > _MAX_VALUES:
            raise InvalidRequest(f"A filter may have {_MAX_VALUES} values.", param=param)


def _check_comparison(one: ComparisonFilter, where: str) -> None:
    if not _is_unicode(one.key):
        raise InvalidRequest("The key is not valid Unicode.", param=f"{where}.key")
    where = f"{where}.value"
    if isinstance(one.value, list) != (one.type in _LISTED):
        due = "an array" if one.type in _LISTED else "a string, a number or a boolean"
        raise InvalidRequest(f"The value of '{one.type}' should be {due}.", param=where)
    if isinstance(one.value, bool) and one.type in _ORDERED:
        raise InvalidRequest(f"Booleans have no order, so '{one.type}' cannot compare them.", param=where)
    for value in one.value if isinstance(one.value, list) else [one.value]:
        _check_value(value, where)


def _check_value(value: object, where: str) -> None:
    if isinstance(value, str):
        good = _is_unicode(value)
    elif isinstance(value, (int, float)):  # a boolean is one, and finite
        try:
            good = math.isfinite(value)
        except OverflowError:
            good = False
    else:
        good = False
    if not good:
        raise InvalidRequest("Only text, finite numbers and booleans can be compared.", param=where)


def _is_unicode(text: str) -> bool:
    """Whether it can be written as UTF-8, which half of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
