"""A vector index that does everything right, slowly; made to be broken."""

from __future__ import annotations

import asyncio
import fcntl
import pickle
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel

from dinrail_core.api.items.filters import Filter
from dinrail_core.api.vector_index import (
    Attribute,
    Vector,
    VectorHit,
    VectorIndex,
    VectorRecord,
    check_attributes,
    check_collection,
    check_dimension,
    check_limit,
)
from dinrail_core.errors import Conflict, NotFound
from dinrail_core.hooks import Context, ProviderType
from dinrail_sdk.vectors.buffers import Floats, unit, units
from dinrail_sdk.vectors.filters import matcher

T = TypeVar("T")


@dataclass
class Content:
    """What a file holds."""

    dimension: int
    records: dict[str, VectorRecord] = field(default_factory=dict)


class HonestIndex(VectorIndex):
    """A file for each collection, read and written whole under a lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def create(self, collection: str, dimension: int) -> None:
        check_collection(collection)
        check_dimension(dimension)
        await self.off_the_loop(lambda: self.make(collection, dimension))

    async def drop(self, collection: str) -> None:
        check_collection(collection)
        await self.off_the_loop(lambda: self.path(collection).unlink(missing_ok=True))

    async def upsert(self, collection: str, records: Sequence[VectorRecord]) -> None:
        self.check_name(collection)
        for record in records:
            self.check(record.attributes)
        await self.change(collection, lambda content: self.put(content, records))

    async def set_attributes(self, collection: str, file_id: str, attributes: Mapping[str, Attribute]) -> None:
        self.check_name(collection)
        self.check(attributes)
        await self.change(collection, lambda content: self.label(content, file_id, attributes))

    async def delete(self, collection: str, ids: Collection[str]) -> None:
        self.check_name(collection)
        await self.change(collection, lambda content: self.take(content, ids))

    async def delete_file(self, collection: str, file_id: str) -> None:
        self.check_name(collection)
        await self.change(collection, lambda content: self.take_file(content, file_id))

    async def search(
        self, collection: str, vector: Vector, limit: int, filter: Filter | None = None
    ) -> Sequence[VectorHit]:
        self.check_name(collection)
        check_limit(limit)
        return await self.look(collection, lambda content: self.find(content, vector, limit, filter))

    async def count(self, collection: str, file_id: str | None = None) -> int:
        self.check_name(collection)
        return await self.look(collection, lambda content: self.number(content, file_id))

    # --- what can be got wrong

    def check_name(self, collection: str) -> None:
        check_collection(collection)

    def check(self, attributes: Mapping[str, Attribute]) -> None:
        check_attributes(attributes)

    async def off_the_loop(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(work)

    def path(self, collection: str) -> Path:
        return self.folder / collection

    def make(self, collection: str, dimension: int) -> None:
        with self.locked():
            if not self.path(collection).exists():
                self.save(collection, Content(dimension))
            elif self.load(collection).dimension != dimension:
                raise Conflict("It has another dimension.")

    def put(self, content: Content, records: Sequence[VectorRecord]) -> None:
        self.vectors(content, [record.vector for record in records])
        content.records.update({record.id: record for record in records})

    def vectors(self, content: Content, vectors: Sequence[Vector]) -> Floats:
        return units(vectors, content.dimension)

    def label(self, content: Content, file_id: str, attributes: Mapping[str, Attribute]) -> None:
        for record in content.records.values():
            if record.file_id == file_id:
                content.records[record.id] = replace(record, attributes=dict(attributes))

    def take(self, content: Content, ids: Collection[str]) -> None:
        for one in ids:
            content.records.pop(one, None)

    def take_file(self, content: Content, file_id: str) -> None:
        self.take(content, [record.id for record in content.records.values() if record.file_id == file_id])

    def number(self, content: Content, file_id: str | None) -> int:
        return sum(file_id in (None, record.file_id) for record in content.records.values())

    def matching(self, content: Content, filter: Filter | None) -> list[VectorRecord]:
        matches = matcher(filter) if filter is not None else lambda attributes: True
        return [record for record in content.records.values() if matches(record.attributes)]

    def scores(self, rows: Floats, wanted: Floats) -> Any:
        return rows @ wanted

    def find(self, content: Content, vector: Vector, limit: int, filter: Filter | None) -> list[VectorHit]:
        wanted = unit(vector, content.dimension)
        records = self.matching(content, filter)
        scores = self.scores(units([record.vector for record in records], content.dimension), wanted)
        best = np.argsort(-scores, kind="stable")[:limit]
        return [VectorHit(records[at].id, records[at].file_id, float(scores[at])) for at in best]

    # --- the file

    async def change(self, collection: str, work: Callable[[Content], None]) -> None:
        def run() -> None:
            with self.locked():
                content = self.load(collection)
                work(content)
                self.save(collection, content)

        await self.off_the_loop(run)

    async def look(self, collection: str, work: Callable[[Content], T]) -> T:
        def run() -> T:
            with self.locked():
                content = self.load(collection)
            return work(content)

        return await self.off_the_loop(run)

    @contextmanager
    def locked(self) -> Iterator[None]:
        with (self.folder / "LOCK").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def load(self, collection: str) -> Content:
        try:
            content = pickle.loads(self.path(collection).read_bytes())
        except FileNotFoundError:
            raise NotFound("There is no such collection.") from None
        assert isinstance(content, Content)
        return content

    def save(self, collection: str, content: Content) -> None:
        self.path(collection).write_bytes(pickle.dumps(content))

    async def closed(self) -> None:
        pass


class IndexConfig(BaseModel):
    """Needs nothing."""


@asynccontextmanager
async def open_index(kind: type[HonestIndex], config: IndexConfig, context: Context) -> AsyncIterator[object]:
    index = kind(context.folder())
    yield index
    await index.closed()


def index_type(kind: type[HonestIndex], apis: frozenset[type] = frozenset({VectorIndex})) -> ProviderType:
    return ProviderType(name="index", config=IndexConfig, apis=apis, open=partial(open_index, kind))
