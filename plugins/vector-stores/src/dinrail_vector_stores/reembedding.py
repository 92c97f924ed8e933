"""A store's texts by another model: filled beside what is searched, and put in its place when all is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, select

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.jobs import Job, JobFailed, JobRun, Jobs
from dinrail_core.errors import RateLimited, RequestError
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.tables import TENANT
from dinrail_sdk.sql.units import Owned
from dinrail_vector_stores.embedding import EmbeddingModel
from dinrail_vector_stores.removal import Removal
from dinrail_vector_stores.rows import next_collection_of
from dinrail_vector_stores.tables import FILES, STORES
from dinrail_vector_stores.vectors import Vectors

__all__ = ["Reembedding", "anything_on_its_way"]

_AT_ONCE = 500
_STAYS = 120.0
"""Seconds for which the old vectors stay: searches that have begun may still read them."""


class Reembedding:
    """Embeds stores anew.

    Args:
        database: Where the rows are.
        jobs: What does the work.
        vectors: What fills collections.
        removal: Removes the old vectors.
        batch: Chunks that are embedded at once.
    """

    def __init__(self, database: Database, jobs: Jobs, vectors: Vectors, removal: Removal, batch: int) -> None:
        self._database = database
        self._jobs = jobs
        self._vectors = vectors
        self._removal = removal
        self._batch = batch

    async def make_room(self, store: Mapping[Any, Any]) -> None:
        """Make the collection that is to be filled, anew: a way that was given up may have left one.

        Raises:
            UnsupportedFeature: The vector database has no vectors of that dimension.
        """
        index = self._vectors.index(store["provider"])
        await index.drop(next_collection_of(store))
        await index.create(next_collection_of(store), store["next_dimension"])

    async def enqueue(self, store: Mapping[Any, Any], call: Call) -> None:
        """Have it filled."""
        payload = {"store": store["id"], "generation": store["generation"]}
        await self._jobs.enqueue("vector-store-reembedding", payload, call, key=store["next_job"])

    async def give_up(self, store: Mapping[Any, Any], call: Call) -> None:
        """Have a way not begun that cannot be."""
        values = dict.fromkeys(("next_model", "next_dimension", "next_shortened", "next_error", "next_job", "next_by"))
        mine = (STORES.c.id == store["id"], STORES.c.next_job == store["next_job"])
        await self._database.write(call.principal, lambda unit: unit.update(STORES, values, *mine))

    async def take_up(self) -> None:
        """Enqueue the jobs of stores that a process has left without one: it died before it could."""

        def work(connection: Connection) -> Sequence[Any]:
            return connection.execute(select(STORES).where(*_on_its_way()).limit(_AT_ONCE)).mappings().all()

        for store in await self._database.sweep(work):
            # Where there is a job of this key, it is meant.
            await self.enqueue(store, Call(Principal(store[TENANT], store["next_by"] or None)))

    async def run(self, job: JobRun) -> None:
        """Embed every completed file that has none of the new vectors yet, and change over.

        Raises:
            JobFailed: The model refuses.
        """
        try:
            if (store := await self._store(job)) is not None and store["next_job"] is not None:
                await job.step("room", partial(self._see_to_room, store))
            while (store := await self._store(job)) is not None:
                file = await self._next(store, job.call)
                if file is None:
                    if await self._change_over(store, job.call):
                        return
                    continue
                await self._file(file, store, job)
        except RateLimited:
            raise
        except RequestError as error:
            raise JobFailed(error.message, code=error.code) from error

    async def ended(self, job: Job) -> None:
        """Note why it has failed; the store goes on by the model that it has."""
        told = (job.error or {}).get("message") or "The server could not embed the texts."
        on_its_way = (STORES.c.id == job.payload["store"], STORES.c.generation == job.payload["generation"])
        values: dict[str, Any] = {"next_error": told}
        await self._database.write(job.principal, lambda unit: unit.update(STORES, values, *on_its_way))

    async def _see_to_room(self, store: RowMapping, key: str) -> None:
        # Whoever made the way known may have died before there was a collection.
        await self.make_room(store)

    async def _store(self, job: JobRun) -> RowMapping | None:
        """The store, while it is on the way that the job was made for."""
        store = await self._database.read(job.call.principal, lambda unit: unit.get(STORES, job.payload["store"]))
        if store is None or store["next_model"] is None or store["generation"] != job.payload["generation"]:
            return None
        await job.progress(store["next_done"], store["chunks"], "chunks")
        return store

    async def _next(self, store: RowMapping, call: Call) -> RowMapping | None:
        return await self._database.read(
            call.principal, lambda unit: unit.first(FILES, *_behind(store), order_by=(FILES.c.id,))
        )

    async def _file(self, file: RowMapping, store: RowMapping, job: JobRun) -> None:
        model = EmbeddingModel(store["next_model"], store["next_dimension"], store["next_shortened"])
        collection = next_collection_of(store)

        async def embed(begin: int, key: str) -> None:
            rows = await self._vectors.chunks(file["id"], begin, begin + self._batch, job.call)
            if rows:
                await self._vectors.fill(store["provider"], collection, rows, model, file["attributes"], job.call)

        for begin in range(0, file["chunks"], self._batch):
            await job.step(f"{file['id']}:{begin}", partial(embed, begin))
        await self._settle(file, store, collection, job.call)

    async def _settle(self, file: RowMapping, store: RowMapping, collection: str, call: Call) -> None:
        """Count the file as done, once its vectors have the attributes that it has now."""
        attributes = file["attributes"]

        def work(unit: Owned) -> Mapping[str, Any] | None:
            unit.get(STORES, store["id"], lock=True)
            current = unit.get(FILES, file["id"], lock=True)
            if current is not None and current["attributes"] != attributes:
                new: Mapping[str, Any] = current["attributes"]
                return new
            if current is not None:
                unit.update(FILES, {"generation": store["generation"] + 1}, FILES.c.id == file["id"])
                done = {"next_done": STORES.c.next_done + file["chunks"]}
                unit.update(STORES, done, STORES.c.id == store["id"])
            return None

        index = self._vectors.index(store["provider"])
        while (new := await self._database.write(call.principal, work)) is not None:
            attributes = new
            await index.set_attributes(collection, file["id"], attributes)
        gone = await self._database.read(call.principal, lambda unit: unit.get(FILES, file["id"])) is None
        if gone:
            await index.delete_file(collection, file["id"])

    async def _change_over(self, store: RowMapping, call: Call) -> bool:
        def work(unit: Owned) -> bool:
            now = unit.get(STORES, store["id"], lock=True)
            if now is None or now["generation"] != store["generation"]:
                return True
            if unit.first(FILES, *_behind(now)) is not None:
                return False
            self._removal.loosen_collection(unit, now, f"{now['id'].lower()}_{now['generation']}", delay=_STAYS)
            values = {
                "generation": now["generation"] + 1,
                "model": now["next_model"],
                "dimension": now["next_dimension"],
                "shortened": now["next_shortened"],
                "next_model": None,
                "next_dimension": None,
                "next_shortened": None,
                "next_error": None,
                "next_job": None,
                "next_by": None,
                "usage_bytes": now["usage_bytes"] + _grown(unit, now),
            }
            unit.update(STORES, values, STORES.c.id == now["id"])
            return True

        return await self._database.write(call.principal, work)


def anything_on_its_way(connection: Connection) -> bool:
    """Whether there are stores that should have a job, if they have none."""
    return connection.execute(select(STORES.c.id).where(*_on_its_way()).limit(1)).first() is not None


def _on_its_way() -> tuple[ColumnElement[bool], ...]:
    return STORES.c.next_job.is_not(None), STORES.c.next_error.is_(None), STORES.c.emptied.is_(False)


def _grown(unit: Owned, store: RowMapping) -> int:
    """How many bytes more the vectors take, which the files are told as well."""
    each = 4 * (store["next_dimension"] - store["dimension"])
    mine = (FILES.c.store_id == store["id"], FILES.c.status == "completed")
    unit.update(FILES, {name: FILES.c[name] + FILES.c.chunks * each for name in ("usage_bytes", "bytes")}, *mine)
    return int(store["chunks"] * each)


def _behind(store: Mapping[Any, Any]) -> Sequence[Any]:
    """The condition that a file can be found and has none of the next vectors."""
    return (
        FILES.c.store_id == store["id"],
        FILES.c.status == "completed",
        FILES.c.generation <= store["generation"],
    )
