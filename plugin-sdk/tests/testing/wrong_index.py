"""Vector indexes that are wrong."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from honest_index import Content, HonestIndex

from dinrail_core.api.items.filters import ComparisonFilter, CompoundFilter, Filter
from dinrail_core.api.vector_index import Attribute, Vector, VectorHit, VectorRecord
from dinrail_core.errors import Conflict, NotFound
from dinrail_sdk.vectors.buffers import Floats
from dinrail_sdk.vectors.filters import matcher

WRONG_INDEXES: list[tuple[type[HonestIndex], str]] = []

T = TypeVar("T")


def caught_by(*cases: str) -> Callable[[type[HonestIndex]], type[HonestIndex]]:
    def register(kind: type[HonestIndex]) -> type[HonestIndex]:
        WRONG_INDEXES.extend((kind, case) for case in cases)
        return kind

    return register


@caught_by("declared")
class DeclaresNoIndex(HonestIndex):
    declared: ClassVar[frozenset[type]] = frozenset()


# --- what is found


@caught_by("nearest")
class TellsDistances(HonestIndex):
    def find(self, content: Content, vector: Vector, limit: int, filter: Filter | None) -> list[VectorHit]:
        found = super().find(content, vector, limit, filter)
        return [replace(hit, similarity=1 - hit.similarity) for hit in found]


@caught_by("nearest")
class TellsScoresFromZeroToOne(HonestIndex):
    def find(self, content: Content, vector: Vector, limit: int, filter: Filter | None) -> list[VectorHit]:
        found = super().find(content, vector, limit, filter)
        return [replace(hit, similarity=(1 + hit.similarity) / 2) for hit in found]


@caught_by("nearest", "equal_vectors")
class FindsTheFarthest(HonestIndex):
    def find(self, content: Content, vector: Vector, limit: int, filter: Filter | None) -> list[VectorHit]:
        return super().find(content, vector, 1000, filter)[::-1][: limit - 1]


@caught_by("nearest")
class SortsByName(HonestIndex):
    def find(self, content: Content, vector: Vector, limit: int, filter: Filter | None) -> list[VectorHit]:
        return sorted(super().find(content, vector, limit, filter), key=lambda hit: hit.id)


@caught_by("nearest", "length_does_not_count")
class ComparesInnerProducts(HonestIndex):
    def find(self, content: Content, vector: Vector, limit: int, filter: Filter | None) -> list[VectorHit]:
        records = self.matching(content, filter)
        wanted = np.frombuffer(vector, dtype="<f4")
        rows = np.frombuffer(b"".join(record.vector for record in records), dtype="<f4").reshape(-1, len(wanted))
        with np.errstate(all="ignore"):
            scores = rows @ wanted / (np.linalg.norm(wanted) or 1)
        best = np.argsort(-scores, kind="stable")[:limit]
        return [VectorHit(records[at].id, records[at].file_id, float(scores[at])) for at in best]


@caught_by("length_does_not_count")
class MeasuresLengthsIn32Bits(HonestIndex):
    def put(self, content: Content, records: Sequence[VectorRecord]) -> None:
        super().put(content, records)
        for record in records:
            row = np.frombuffer(record.vector, dtype="<f4")
            with np.errstate(all="ignore"):
                short = (row / np.sqrt((row * row).sum(dtype=np.float32))).astype("<f4")
            usable = np.isfinite(short).all() and short.any()
            content.records[record.id] = replace(
                record, vector=short.tobytes() if usable else b"\0\0\x80\x3f" * len(row)
            )


@caught_by("equal_vectors")
class KeepsAVectorOnce(HonestIndex):
    def matching(self, content: Content, filter: Filter | None) -> list[VectorRecord]:
        return list({record.vector: record for record in super().matching(content, filter)}.values())


@caught_by("empty")
class FailsWhereNothingIs(HonestIndex):
    def find(self, content: Content, vector: Vector, limit: int, filter: Filter | None) -> list[VectorHit]:
        if not content.records:
            raise RuntimeError("the index is not trained")
        return super().find(content, vector, limit, filter)


@caught_by("replaced")
class AppendsWithoutLooking(HonestIndex):
    def put(self, content: Content, records: Sequence[VectorRecord]) -> None:
        self.vectors(content, [record.vector for record in records])
        for record in records:
            content.records[f"{record.id} {len(content.records)}"] = record


@caught_by("replaced")
class KeepsTheFirst(HonestIndex):
    def put(self, content: Content, records: Sequence[VectorRecord]) -> None:
        super().put(content, [record for record in records if record.id not in content.records])


@caught_by("replaced")
class KeepsTheOldFile(HonestIndex):
    def put(self, content: Content, records: Sequence[VectorRecord]) -> None:
        before = dict(content.records)
        super().put(content, records)
        for record in records:
            if record.id in before:
                content.records[record.id] = replace(record, file_id=before[record.id].file_id)


@caught_by("deleted")
class DeletesNothing(HonestIndex):
    def take(self, content: Content, ids: Collection[str]) -> None:
        pass


@caught_by("deleted")
class FailsForUnknownIds(HonestIndex):
    def take(self, content: Content, ids: Collection[str]) -> None:
        for one in set(ids):
            if content.records.pop(one, None) is None:
                raise NotFound("There is no such record.")


@caught_by("deleted")
class DeletesTheFirstOfAFile(HonestIndex):
    def take_file(self, content: Content, file_id: str) -> None:
        self.take(content, [record.id for record in content.records.values() if record.file_id == file_id][:1])


@caught_by("deleted")
class CountsFilesWrong(HonestIndex):
    def number(self, content: Content, file_id: str | None) -> int:
        return len(content.records)


@caught_by("collections_are_apart")
class SharesAFile(HonestIndex):
    def path(self, collection: str) -> Path:
        return self.folder / "one"

    def make(self, collection: str, dimension: int) -> None:
        if not self.path(collection).exists():
            super().make(collection, dimension)


@caught_by("created_again")
class MakesAnew(HonestIndex):
    def make(self, collection: str, dimension: int) -> None:
        self.save(collection, Content(dimension))


@caught_by("created_again")
class TakesAnyDimensionAgain(HonestIndex):
    def make(self, collection: str, dimension: int) -> None:
        with suppress(Conflict):
            super().make(collection, dimension)


@caught_by("dropped")
class RemembersWhatWasDropped(HonestIndex):
    async def drop(self, collection: str) -> None:
        pass


@caught_by("dropped")
class DropsOnce(HonestIndex):
    async def drop(self, collection: str) -> None:
        try:
            self.path(collection).unlink()
        except FileNotFoundError:
            raise NotFound("There is no such collection.") from None


@caught_by("unknown_collection")
class MakesWhatIsNotThere(HonestIndex):
    def load(self, collection: str) -> Content:
        try:
            return super().load(collection)
        except NotFound:
            return Content(2)


@caught_by("dimension", "no_direction")
class TakesAnyVector(HonestIndex):
    def vectors(self, content: Content, vectors: Sequence[Vector]) -> Floats:
        return np.zeros((0, 0), dtype=np.float32)


@caught_by("dimension", "no_direction")
class StoresWhatComesBeforeTheBadOne(HonestIndex):
    async def upsert(self, collection: str, records: Sequence[VectorRecord]) -> None:
        for record in records:
            await super().upsert(collection, [record])


@caught_by("ten_thousand")
class LooksAtOneHalf(HonestIndex):
    def matching(self, content: Content, filter: Filter | None) -> list[VectorRecord]:
        found = super().matching(content, filter)
        return found if len(found) < 5000 else found[::2]


# --- filters


class ComparesOtherwise(HonestIndex):
    def matching(self, content: Content, filter: Filter | None) -> list[VectorRecord]:
        if filter is None:
            return super().matching(content, filter)
        return [record for record in content.records.values() if self.matches(filter, record.attributes)]

    def matches(self, filter: Filter, attributes: Mapping[str, Attribute]) -> bool:
        if isinstance(filter, CompoundFilter):
            inner = [self.matches(one, attributes) for one in filter.filters]
            return all(inner) if filter.type == "and" else any(inner)
        return self.compares(filter, attributes)

    def compares(self, filter: ComparisonFilter, attributes: Mapping[str, Attribute]) -> bool:
        return matcher(filter)(attributes)


@caught_by("filter_meanings", "filter_any")
class TakesTrueForOne(ComparesOtherwise):
    def compares(self, filter: ComparisonFilter, attributes: Mapping[str, Attribute]) -> bool:
        as_numbers = {key: float(one) if isinstance(one, bool) else one for key, one in attributes.items()}
        value = float(filter.value) if isinstance(filter.value, bool) else filter.value
        return matcher(filter.model_copy(update={"value": value}))(as_numbers)


@caught_by("filter_meanings", "filter_any")
class NeedsTheAttributeToDiffer(ComparesOtherwise):
    def compares(self, filter: ComparisonFilter, attributes: Mapping[str, Attribute]) -> bool:
        return filter.key in attributes and super().compares(filter, attributes)


@caught_by("filter_meanings", "filter_any")
class ComparesTexts(ComparesOtherwise):
    def compares(self, filter: ComparisonFilter, attributes: Mapping[str, Attribute]) -> bool:
        values = [json.dumps(one) for one in (filter.value if isinstance(filter.value, list) else [filter.value])]
        told = {key: json.dumps(one) for key, one in attributes.items()}
        value = values if isinstance(filter.value, list) else values[0]
        return matcher(filter.model_copy(update={"value": value}))(told)


@caught_by("filter_meanings")
class IgnoresCase(ComparesOtherwise):
    def compares(self, filter: ComparisonFilter, attributes: Mapping[str, Attribute]) -> bool:
        lower = {key: one.lower() if isinstance(one, str) else one for key, one in attributes.items()}
        return super().compares(filter, lower)


@caught_by("filter_meanings", "filter_any")
class FindsNothingForAnEmptyAnd(ComparesOtherwise):
    def matches(self, filter: Filter, attributes: Mapping[str, Attribute]) -> bool:
        return bool(not isinstance(filter, CompoundFilter) or filter.filters) and super().matches(filter, attributes)


@caught_by("filter_meanings", "filter_any")
class TakesOrForAnd(ComparesOtherwise):
    def matches(self, filter: Filter, attributes: Mapping[str, Attribute]) -> bool:
        if isinstance(filter, CompoundFilter):
            return all(self.matches(one, attributes) for one in filter.filters)
        return super().matches(filter, attributes)


@caught_by("filter_far_away")
class FiltersTheNearest(HonestIndex):
    def find(self, content: Content, vector: Vector, limit: int, filter: Filter | None) -> list[VectorHit]:
        matching = {record.id for record in self.matching(content, filter)}
        return [hit for hit in super().find(content, vector, limit * 100, None) if hit.id in matching][:limit]


@caught_by("hostile_attributes")
class CutsKeysAtDots(ComparesOtherwise):
    def compares(self, filter: ComparisonFilter, attributes: Mapping[str, Attribute]) -> bool:
        return super().compares(filter.model_copy(update={"key": filter.key.split(".")[0]}), attributes)


@caught_by("hostile_attributes")
class EndsTextsAtNul(HonestIndex):
    def put(self, content: Content, records: Sequence[VectorRecord]) -> None:
        super().put(content, [replace(one, attributes=self.cut(one.attributes)) for one in records])

    def cut(self, attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
        return {key: one.split("\0")[0] if isinstance(one, str) else one for key, one in attributes.items()}


@caught_by("hostile_attributes")
class KeepsNumbersIn32Bits(HonestIndex):
    def put(self, content: Content, records: Sequence[VectorRecord]) -> None:
        super().put(content, [replace(one, attributes=self.cut(one.attributes)) for one in records])

    def cut(self, attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
        with np.errstate(all="ignore"):
            return {key: float(np.float32(one)) if isinstance(one, float) else one for key, one in attributes.items()}


@caught_by("attributes_refused")
class TakesAnyAttribute(HonestIndex):
    def check(self, attributes: Mapping[str, Attribute]) -> None:
        pass


@caught_by("attributes_changed")
class MergesAttributes(HonestIndex):
    def label(self, content: Content, file_id: str, attributes: Mapping[str, Attribute]) -> None:
        for record in list(content.records.values()):
            if record.file_id == file_id:
                merged = {**record.attributes, **attributes}
                content.records[record.id] = replace(record, attributes=merged)


@caught_by("attributes_changed")
class ChangesAttributesLater(HonestIndex):
    def label(self, content: Content, file_id: str, attributes: Mapping[str, Attribute]) -> None:
        pass


# --- conduct


@caught_by("restart", "killed", "another_process", "two_processes_write")
class KeepsAllInMemory(HonestIndex):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.contents: dict[str, Content] = {}

    def load(self, collection: str) -> Content:
        if collection not in self.contents:
            self.contents[collection] = super().load(collection)
        return self.contents[collection]

    def save(self, collection: str, content: Content) -> None:
        self.contents[collection] = content
        if not content.records:
            super().save(collection, content)


@caught_by("killed", "another_process")
class WritesWhenItIsClosed(KeepsAllInMemory):
    async def closed(self) -> None:
        for collection, content in self.contents.items():
            HonestIndex.save(self, collection, content)


@caught_by("restart")
class ForgetsAttributes(HonestIndex):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.mine = not any(folder.iterdir())

    def load(self, collection: str) -> Content:
        content = super().load(collection)
        if not self.mine:
            content.records = {key: replace(one, attributes={}) for key, one in content.records.items()}
        return content


@caught_by("at_once")
class LosesWhatOthersWrite(HonestIndex):
    async def change(self, collection: str, work: Callable[[Content], None]) -> None:
        content = self.load(collection)
        await asyncio.sleep(0.01)
        work(content)
        self.save(collection, content)


@caught_by("cancelled")
class StaysLocked(HonestIndex):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.free = asyncio.Event()
        self.free.set()

    async def off_the_loop(self, work: Callable[[], T]) -> T:
        await asyncio.wait_for(self.free.wait(), 2.0)
        self.free.clear()
        done = await super().off_the_loop(work)
        self.free.set()
        return done


@caught_by("names")
class TakesAnyName(HonestIndex):
    def check_name(self, collection: str) -> None:
        pass


@caught_by("loop_stays_free")
class WorksOnTheLoop(HonestIndex):
    async def off_the_loop(self, work: Callable[[], T]) -> T:
        done = work()
        time.sleep(0.1)
        return done


@caught_by("closing")
class LeavesATask(HonestIndex):
    tasks: ClassVar[list[asyncio.Task[Any]]] = []

    async def upsert(self, collection: str, records: Sequence[VectorRecord]) -> None:
        await super().upsert(collection, records)
        self.tasks.append(asyncio.ensure_future(asyncio.Event().wait()))
