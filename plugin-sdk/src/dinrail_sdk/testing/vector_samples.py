"""Vectors and filters for the cases of vector indexes, and brute force to compare with."""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from dinrail_core.api.items.filters import ComparisonFilter, CompoundFilter, Filter
from dinrail_core.api.vector_index import Attribute, Vector, VectorHit, VectorRecord
from dinrail_sdk.vectors.filters import matcher

__all__ = [
    "TOLERANCE",
    "assert_nearest",
    "comparison",
    "compound",
    "nearest",
    "packed",
    "random_attributes",
    "random_filter",
    "random_vector",
    "records_of",
]

TOLERANCE = 1e-4
"""By how much a similarity may be off; whoever is nearer by less than twice that may come later."""


def packed(numbers: Iterable[float]) -> bytes:
    """Numbers as they travel."""
    values = array("f", numbers)
    if values.itemsize != 4:  # pragma: no cover
        raise AssertionError("No 32-bit floats here.")
    return values.tobytes()


def random_vector(source: random.Random, dimension: int) -> bytes:
    """A vector in any direction."""
    return packed(source.gauss(0, 1) for _ in range(dimension))


def records_of(
    vectors: Sequence[Vector], attributes: Callable[[int], Mapping[str, Attribute]] = lambda index: {}
) -> list[VectorRecord]:
    """A record for each vector: ids ``chunk-0``, …, three to a file."""
    return [
        VectorRecord(f"chunk-{index}", f"file-{index // 3}", vector, attributes(index))
        for index, vector in enumerate(vectors)
    ]


def nearest(
    records: Iterable[VectorRecord], vector: Vector, limit: int, filter: Filter | None = None
) -> list[VectorHit]:
    """What a search must find, by looking at everything."""
    import numpy as np  # whoever tests no vectors need not have it

    matches = matcher(filter) if filter is not None else lambda attributes: True
    fitting = [record for record in records if matches(record.attributes)]
    if not fitting:
        return []
    rows = np.frombuffer(b"".join(record.vector for record in fitting), "<f4").reshape(len(fitting), -1).astype(float)
    wanted = np.frombuffer(vector, "<f4").astype(float)
    cosines = (rows @ wanted) / (np.linalg.norm(rows, axis=1) * np.linalg.norm(wanted))
    best = np.argsort(-cosines, kind="stable")[:limit].tolist()
    return [VectorHit(fitting[at].id, fitting[at].file_id, float(cosines[at])) for at in best]


def assert_nearest(
    found: Sequence[VectorHit],
    records: Sequence[VectorRecord],
    vector: Vector,
    limit: int,
    filter: Filter | None = None,
) -> None:
    """See that a search found what brute force finds; of those as near as the last, any.

    Raises:
        AssertionError: It did not.
    """
    right = nearest(records, vector, len(records), filter)
    by_id = {hit.id: hit for hit in right}
    said = f" (filter {filter.model_dump_json()})" if filter is not None else ""
    ids = [hit.id for hit in found]
    assert len(set(ids)) == len(ids), f"A record was found twice{said}: {ids}"
    wrong = [hit.id for hit in found if hit.id not in by_id]
    assert not wrong, f"Found what does not match or is not there{said}: {wrong[:5]}"
    assert len(found) == min(limit, len(right)), f"{len(found)} found, {min(limit, len(right))} are due{said}."
    for hit, due in zip(found, right, strict=False):
        true = by_id[hit.id]
        assert hit.file_id == true.file_id, f"{hit.id} is said to be of {hit.file_id}, and is of {true.file_id}."
        off = abs(hit.similarity - true.similarity)
        assert off <= TOLERANCE, f"The similarity of {hit.id} is {true.similarity}, not {hit.similarity}{said}."
        late = due.similarity - true.similarity
        assert late <= 2 * TOLERANCE, f"{due.id} is nearer than {hit.id}, and does not stand before it{said}."


def comparison(type: str, key: str, value: Any) -> ComparisonFilter:
    """A comparison."""
    return ComparisonFilter.model_validate({"type": type, "key": key, "value": value})


def compound(type: str, *filters: Filter) -> CompoundFilter:
    """Several conditions."""
    return CompoundFilter.model_validate({"type": type, "filters": [one.model_dump() for one in filters]})


_KEYS = ("a", "b", "c d", "é.$[0]", "a'b\"c")
_VALUES: tuple[Attribute, ...] = (
    *("", "a", "A", "b", "ab", "1", "true", "é", "z", "\U0001f600", "\uffff", "a\x00b", "%", "'; --"),
    *(0, 1, -1, 2, 0.5, -2.5, 1e300, -1e300, 5e-324, 2**53, -0.0, 1.0, True, False),
)


def random_attributes(source: random.Random) -> dict[str, Attribute]:
    """Attributes of a few keys, each of any kind."""
    return {key: source.choice(_VALUES) for key in _KEYS if source.random() < 0.6}


def random_filter(source: random.Random, depth: int = 3) -> Filter:
    """Any filter that has a meaning."""
    if depth and source.random() < 0.5:
        inner = [random_filter(source, depth - 1) for _ in range(source.choice((0, 1, 2, 2, 3)))]
        return compound(source.choice(("and", "or")), *inner)
    type = source.choice(("eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"))
    if type in ("in", "nin"):
        listed = [value for value in source.choices(_VALUES, k=source.randrange(4)) if not isinstance(value, bool)]
        return comparison(type, source.choice(_KEYS), listed)
    unordered = type in ("eq", "ne")
    values = [value for value in _VALUES if unordered or not isinstance(value, bool)]
    return comparison(type, source.choice(_KEYS), source.choice(values))
