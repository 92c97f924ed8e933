"""Cases about filters: what each means, that it is exact, and that attributes can be changed."""

from __future__ import annotations

import random
from typing import Any

from dinrail_core.api.items.filters import Filter
from dinrail_core.api.vector_index import Attribute, VectorIndex, VectorRecord
from dinrail_core.errors import InvalidRequest
from dinrail_sdk.testing.bench import Bench, expect
from dinrail_sdk.testing.suite import case
from dinrail_sdk.testing.suites.vector_search import DIMENSION, VectorSuite, fresh
from dinrail_sdk.testing.vector_samples import (
    assert_nearest,
    comparison,
    compound,
    packed,
    random_attributes,
    random_filter,
    random_vector,
    records_of,
)

__all__ = ["VectorFilterCases"]

_ROUNDS = 150

_RECORDS: dict[str, dict[str, Attribute]] = {
    "none": {},
    "one": {"x": 1},
    "two": {"x": 2.0},
    "half": {"x": 0.5},
    "true": {"x": True},
    "false": {"x": False},
    "text-one": {"x": "1"},
    "text-true": {"x": "true"},
    "a": {"x": "a", "y": 1},
    "b": {"x": "b", "y": 2},
    "upper": {"x": "B"},
    "empty": {"x": ""},
    "umlaut": {"x": "ä"},
}

_ALL = set(_RECORDS)
_TEXTS = {"text-one", "text-true", "a", "b", "upper", "empty", "umlaut"}

_MEANINGS: list[tuple[Filter, set[str]]] = [
    (comparison("eq", "x", 1), {"one"}),
    (comparison("eq", "x", 2), {"two"}),
    (comparison("eq", "x", True), {"true"}),
    (comparison("eq", "x", False), {"false"}),
    (comparison("eq", "x", "1"), {"text-one"}),
    (comparison("eq", "x", ""), {"empty"}),
    (comparison("eq", "x", "b"), {"b"}),
    (comparison("eq", "missing", 1), set()),
    (comparison("ne", "x", 1), _ALL - {"one"}),
    (comparison("ne", "x", True), _ALL - {"true"}),
    (comparison("ne", "x", "a"), _ALL - {"a"}),
    (comparison("ne", "missing", 1), _ALL),
    (comparison("gt", "x", 0.5), {"one", "two"}),
    (comparison("gte", "x", 0.5), {"half", "one", "two"}),
    (comparison("lt", "x", 1), {"half"}),
    (comparison("lte", "x", 1), {"half", "one"}),
    (comparison("gt", "x", "a"), {"b", "text-true", "umlaut"}),
    (comparison("gte", "x", "a"), {"a", "b", "text-true", "umlaut"}),
    (comparison("lt", "x", "a"), {"text-one", "upper", "empty"}),
    (comparison("lte", "x", ""), {"empty"}),
    (comparison("lt", "missing", 5), set()),
    (comparison("in", "x", ["a", 1, "none"]), {"a", "one"}),
    (comparison("in", "x", []), set()),
    (comparison("nin", "x", ["a", 1]), _ALL - {"a", "one"}),
    (comparison("nin", "x", []), _ALL),
    (comparison("nin", "missing", ["a"]), _ALL),
    (compound("and"), _ALL),
    (compound("or"), set()),
    (compound("and", comparison("gte", "x", ""), comparison("gt", "y", 1)), {"b"}),
    (compound("or", comparison("eq", "y", 1), comparison("eq", "x", True)), {"a", "true"}),
    (compound("and", comparison("ne", "x", "a"), comparison("gte", "x", "")), _TEXTS - {"a"}),
    (
        compound("or", compound("and", comparison("eq", "x", "a"), comparison("eq", "y", 2)), comparison("eq", "y", 2)),
        {"b"},
    ),
]

_HOSTILE: list[tuple[str, Attribute]] = [
    ("'; DROP TABLE records; --", "' OR 1=1 --"),
    ('"quoted"', '"]}'),
    ("$.a[0]", "$ne"),
    ("a.b.c", "{{x}}"),
    ("", "an empty key"),
    (" ", " "),
    ("nul\x00key", "nul\x00value"),
    ("\\", "\\u0000"),
    ("ключ", "值"),
    ("\U0001f600", "\U0001f600" * 512),
    ("id", "id"),
    ("file_id", "another"),
    ("vector", 1),
    ("__proto__", True),
    ("%", "_%"),
    ("e\u0301", "\u00e9"),
    ("\u00e9", "e\u0301"),
    ("k" * 64, "v" * 512),
    ("line\nbreak", "tab\t\r\n"),
    ("large", 1.7976931348623157e308),
    ("tiny", 5e-324),
    ("precise", 0.1 + 0.2),
    ("whole", 2**53),
]


class VectorFilterCases(VectorSuite):
    """What filters mean, and how attributes change."""

    @case(unscripted=True)
    async def test_filter_meanings(self, bench: Bench) -> None:
        """Each comparison means what the contract says: with missing attributes, and with those of another type.

        Troubleshooting: :mod:`dinrail_sdk.vectors.filters` is the meaning as a function; look with it at what the
        engine returns wherever the engine compares otherwise.
        """
        index, collection = await fresh(bench)
        source = random.Random(11)  # noqa: S311  # the same vectors every time
        await index.upsert(
            collection,
            [
                VectorRecord(name, f"file-{name}", random_vector(source, DIMENSION), attributes)
                for name, attributes in _RECORDS.items()
            ],
        )
        for filter, right in _MEANINGS:
            found = {hit.id for hit in await index.search(collection, random_vector(source, DIMENSION), 100, filter)}
            assert found == right, (
                f"{filter.model_dump_json()} also finds {sorted(found - right)}, does not find {sorted(right - found)}."
            )

    @case(unscripted=True)
    async def test_filter_any(self, bench: Bench) -> None:
        """Any filter finds exactly what the reference says, the nearest first.

        Troubleshooting: the message tells the filter; the case before this one has the plain ones.
        """
        index, collection = await fresh(bench)
        source = random.Random(12)  # noqa: S311  # the same filters every time
        records = records_of([random_vector(source, DIMENSION) for _ in range(60)], lambda _: random_attributes(source))
        await index.upsert(collection, records)
        for _ in range(_ROUNDS):
            wanted, filter, limit = random_vector(source, DIMENSION), random_filter(source), source.choice((1, 7, 60))
            assert_nearest(await index.search(collection, wanted, limit, filter), records, wanted, limit, filter)

    @case(unscripted=True)
    async def test_filter_far_away(self, bench: Bench) -> None:
        """The few that match are found although hundreds that do not are nearer.

        Troubleshooting: the filter is applied to the nearest only. Let the engine filter before it searches, or ask it
        for more until enough match.
        """
        index, collection = await fresh(bench)
        near, far = packed([1.0] * DIMENSION), packed([-1.0] * (DIMENSION - 1) + [0.5])
        records = records_of([near] * 1500 + [far] * 3, lambda number: {"rare": number >= 1500, "n": number})
        await index.upsert(collection, records)
        for filter in (
            comparison("eq", "rare", True),
            comparison("gte", "n", 1500),
            compound("and", comparison("ne", "rare", False), comparison("ne", "other", "x")),
        ):
            assert_nearest(await index.search(collection, near, 2, filter), records, near, 2, filter)

    @case(unscripted=True)
    async def test_hostile_attributes(self, bench: Bench) -> None:
        """Whatever stands in a key or a value is compared, and nothing else happens.

        Troubleshooting: bind values; encode keys where the engine gives characters a meaning (dots, quotes, ``$``,
        NUL), and values where it cannot store them.
        """
        index, collection = await fresh(bench)
        source = random.Random(13)  # noqa: S311  # the same vectors every time
        vectors = [random_vector(source, DIMENSION) for _ in range(len(_HOSTILE) + 1)]
        together = dict(_HOSTILE)
        records = records_of(vectors, lambda n: dict([_HOSTILE[n]]) if n < len(_HOSTILE) else together)
        await index.upsert(collection, records)
        wanted = vectors[0]
        for key, value in _HOSTILE:
            for filter in (
                comparison("eq", key, value),
                comparison("ne", key, value),
                *([] if isinstance(value, bool) else [comparison("in", key, [value]), comparison("gte", key, value)]),
            ):
                assert_nearest(await index.search(collection, wanted, 100, filter), records, wanted, 100, filter)

    @case(unscripted=True)
    async def test_attributes_refused(self, bench: Bench) -> None:
        """What cannot be compared is refused, and nothing of the call is stored.

        Troubleshooting: call :func:`~dinrail_core.api.vector_index.check_attributes`.
        """
        index, collection = await fresh(bench)
        vector = packed([1.0] * DIMENSION)
        await index.upsert(collection, [VectorRecord("kept", "file", vector, {"a": 1})])
        bad: list[dict[str, Any]] = [
            *({"a": value} for value in (float("nan"), float("inf"), None, ["a"], {"b": 1}, "\ud800", 10**400)),
            {"\udfff": 1},
        ]
        for attributes in bad:
            records = [VectorRecord("good", "f", vector), VectorRecord("bad", "f", vector, attributes)]
            await expect(index.upsert(collection, records), InvalidRequest, after=f"Attributes {attributes!r:.60}")
            changing = index.set_attributes(collection, "file", attributes)
            await expect(changing, InvalidRequest, after=f"Changed to {attributes!r:.60}")
        assert await index.count(collection) == 1, "Something of a call that was refused is stored."
        assert await _ids(index, collection, comparison("eq", "a", 1)) == {"kept"}

    @case(unscripted=True)
    async def test_attributes_changed(self, bench: Bench) -> None:
        """New attributes of a file take the place of the old ones in all its records, and count at once.

        Troubleshooting: the engine merges instead of replacing; or a cache still has the old ones.
        """
        index, collection = await fresh(bench)
        source = random.Random(14)  # noqa: S311  # the same vectors every time
        records = records_of([random_vector(source, DIMENSION) for _ in range(9)], lambda _: {"state": "old", "n": 1})
        await index.upsert(collection, records)
        assert len(await _ids(index, collection, comparison("eq", "state", "old"))) == 9
        mine = {"chunk-3", "chunk-4", "chunk-5"}
        for state in ("new", "newer"):
            await index.set_attributes(collection, "file-1", {"state": state})
            assert await _ids(index, collection, comparison("eq", "state", state)) == mine
            assert len(await _ids(index, collection, comparison("eq", "state", "old"))) == 6
        assert len(await _ids(index, collection, comparison("eq", "n", 1))) == 6, (
            "An attribute that was left out stays."
        )
        await index.set_attributes(collection, "file-1", {})
        assert await _ids(index, collection, comparison("ne", "state", "old")) == mine
        assert await index.count(collection) == 9
        changed = [
            VectorRecord(one.id, one.file_id, one.vector, {} if one.file_id == "file-1" else one.attributes)
            for one in records
        ]
        wanted = random_vector(source, DIMENSION)
        assert_nearest(await index.search(collection, wanted, 9), changed, wanted, 9)


async def _ids(index: VectorIndex, collection: str, filter: Filter) -> set[str]:
    hits = await index.search(collection, packed([1.0] * DIMENSION), 100, filter)
    return {hit.id for hit in hits}
