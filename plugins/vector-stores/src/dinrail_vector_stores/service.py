"""Vector stores: rows in the database, vectors in an index, work in jobs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

from sqlalchemy import RowMapping

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call
from dinrail_core.api.chunking import AutoChunking
from dinrail_core.api.documents import Documents
from dinrail_core.api.files import Files
from dinrail_core.api.jobs import Jobs
from dinrail_core.api.pages import ListQuery
from dinrail_core.api.vector_index import VectorIndex, check_attributes
from dinrail_core.api.vector_stores import (
    AddFile,
    AddFiles,
    CreateVectorStore,
    DeletedStoreFile,
    DeletedVectorStore,
    ListStoreFilesQuery,
    SearchRequest,
    SearchResults,
    StoreExpiry,
    StoreFile,
    StoreFileBatch,
    StoreFileContent,
    StoreFileList,
    StoreFileText,
    UpdateStoreFile,
    UpdateVectorStore,
    VectorStore,
    VectorStoreList,
    VectorStores,
)
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import Conflict, DinrailError, InvalidRequest, NotFound, NothingServes, UnsupportedFeature
from dinrail_core.hooks import Rail
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.sql.quota import check_room
from dinrail_sdk.sql.units import Owned, Rows, page_of
from dinrail_vector_stores.adding import Adding
from dinrail_vector_stores.chunks import document_of
from dinrail_vector_stores.embedding import Embeddings
from dinrail_vector_stores.ingestion import Ingestion
from dinrail_vector_stores.plugin import VectorStoresConfig
from dinrail_vector_stores.reembedding import Reembedding
from dinrail_vector_stores.removal import Removal
from dinrail_vector_stores.rows import (
    batch_of,
    collection_of,
    existing_batch,
    existing_file,
    existing_store,
    file_bytes,
    file_of,
    move,
    next_collection_of,
    store_bytes,
    store_of,
    usable_store,
)
from dinrail_vector_stores.searching import Search
from dinrail_vector_stores.tables import BATCHES, FILES, STORES
from dinrail_vector_stores.vectors import Vectors

__all__ = ["VectorStoreService"]

_DAY = 86_400


class VectorStoreService(VectorStores):
    """Keeps vector stores.

    Args:
        config: What holds where requests say nothing.
        rail: Where models and vector databases are.
        database: Where the rows are.
        files: Where files are.
        documents: What reads them.
        jobs: What does the work.

    Attributes:
        adding: What puts files into stores.
        ingestion: What takes files in.
        reembedding: What embeds stores anew.
        removal: What removes.
    """

    def __init__(
        self, config: VectorStoresConfig, rail: Rail, database: Database, files: Files, documents: Documents, jobs: Jobs
    ) -> None:
        self._config = config
        self._rail = rail
        self._database = database
        self._files = files
        self._jobs = jobs
        self._embeddings = Embeddings(rail, config.embedding_model)
        self._vectors = Vectors(database, rail, self._embeddings)
        self.adding = Adding(database, files, jobs)
        self.removal = Removal(database, rail)
        self.ingestion = Ingestion(
            database, files, documents, self._embeddings, self._vectors, self.removal, config.batch
        )
        self.reembedding = Reembedding(database, jobs, self._vectors, self.removal, config.batch)
        self._search = Search(
            database,
            rail,
            self._embeddings,
            self._vectors,
            rerank_model=config.rerank_model,
            rewrite_model=config.rewrite_model,
            embedding_weight=config.embedding_weight,
        )

    @classmethod
    async def of(cls, config: VectorStoresConfig, rail: Rail) -> Self:
        """The service over what is on the rail."""
        database, files = await rail.service(Database), await rail.service(Files)
        return cls(config, rail, database, files, await rail.service(Documents), await rail.service(Jobs))

    async def create(self, request: CreateVectorStore, call: Call) -> Answer[VectorStore]:
        file_ids = request.file_ids if isinstance(request.file_ids, list) else []
        strategy = AutoChunking() if request.chunking_strategy is MISSING else request.chunking_strategy
        files = await self.adding.known([AddFile(file_id=one, chunking_strategy=strategy) for one in file_ids], call)
        dimension = _number(request.embedding_dimension)
        model = await self._embeddings.choose(_text(request.embedding_model), dimension, call)
        provider, index = self._provider(_text(request.provider_id))
        now = int(time.time())
        row: dict[str, Any] = {
            "id": new_id("vs_"),
            "created_at": now,
            "name": _text(request.name) or "",
            "description": _text(request.description),
            "metadata": request.metadata if isinstance(request.metadata, dict) else {},
            **_expiry(request.expires_after, now),
            "last_active_at": now,
            "emptied": False,
            **dict.fromkeys(("usage_bytes", "chunks", "words", "in_progress", "completed", "failed", "cancelled"), 0),
            "provider": provider,
            "generation": 1,
            "model": model.id,
            "dimension": model.dimension,
            "shortened": model.shortened,
            "next_done": 0,
        }
        row["bytes"] = store_bytes(row["name"], row["description"], row["metadata"])
        size = row["bytes"] + sum(file_bytes(file.attributes) for file in files)
        await self._database.read(call.principal, lambda unit: check_room(unit, call, size))
        await self._make_collection(index, collection_of(row), model.dimension)
        group = new_id("vsg_")

        def work(unit: Owned) -> RowMapping:
            check_room(unit, call, row["bytes"])
            unit.insert(STORES, row)
            store = existing_store(unit, row["id"])
            self.adding.insert(unit, store, files, group, call)
            return existing_store(unit, row["id"])

        try:
            store = await self._database.write(call.principal, work)
        except DinrailError:
            await index.drop(collection_of(row))
            raise
        if files:
            await self.adding.enqueue(group, call)
        return Answer.of(store_of(store))

    async def list(self, query: ListQuery, call: Call) -> Answer[VectorStoreList]:
        found = await self._database.read(call.principal, lambda unit: unit.page(STORES, page_of(query)))
        data = [store_of(row) for row in found.rows]
        first_id, last_id = (data[0].id, data[-1].id) if data else ("", "")
        return Answer.of(VectorStoreList(data=data, first_id=first_id, last_id=last_id, has_more=found.has_more))

    async def get(self, store_id: str, call: Call) -> Answer[VectorStore]:
        row = await self._database.read(call.principal, lambda unit: existing_store(unit, store_id))
        return Answer.of(store_of(row))

    async def update(self, store_id: str, request: UpdateVectorStore, call: Call) -> Answer[VectorStore]:
        await self._database.read(call.principal, lambda unit: existing_store(unit, store_id))
        named = _text(request.embedding_model)
        dimension = _number(request.embedding_dimension)
        if named is None and dimension is not None:
            message = "The dimension goes with 'embedding_model', which is missing."
            raise InvalidRequest(message, param="embedding_dimension")
        model = await self._embeddings.choose(named, dimension, call) if named is not None else None

        def work(unit: Owned) -> tuple[RowMapping, bool]:
            store = usable_store(unit, store_id, lock=True)
            now = int(time.time())
            values: dict[str, Any] = {"last_active_at": now}
            if request.name is not MISSING:
                values["name"] = request.name or ""
            if request.metadata is not MISSING:
                values["metadata"] = request.metadata or {}
            values["bytes"] = store_bytes(
                values.get("name", store["name"]), store["description"], values.get("metadata", store["metadata"])
            )
            more = max(0, values["bytes"] - store["bytes"])
            days = store["expires_days"] if request.expires_after is MISSING else request.expires_after
            values |= _expiry(days, now)
            begins = (model is not None and model.id != store["model"]) or (
                model is not None and model.dimension != store["dimension"]
            )
            if model is not None and begins:
                if store["next_model"] is not None and store["next_error"] is None:
                    raise Conflict("The vector store is on its way to another model already.", param="embedding_model")
                values |= _next(model, call)
                more += max(0, 4 * store["chunks"] * (model.dimension - store["dimension"]))
            check_room(unit, call, more)
            unit.update(STORES, values, STORES.c.id == store_id)
            return existing_store(unit, store_id), begins

        store, begins = await self._database.write(call.principal, work)
        if begins:
            try:
                await self.reembedding.make_room(store)
                await self.reembedding.enqueue(store, call)
            except DinrailError as error:
                if isinstance(error, UnsupportedFeature):
                    error.param = "embedding_dimension"
                await self.reembedding.give_up(store, call)
                raise
        return Answer.of(store_of(store))

    async def delete(self, store_id: str, call: Call) -> Answer[DeletedVectorStore]:
        def work(unit: Owned) -> Sequence[Mapping[str, Any]]:
            store = existing_store(unit, store_id, lock=True)
            loose = self.removal.loosen_collection(unit, store, collection_of(store))
            if store["next_model"] is not None:
                loose += self.removal.loosen_collection(unit, store, next_collection_of(store))
            unit.delete(FILES, FILES.c.store_id == store_id)
            unit.delete(BATCHES, BATCHES.c.store_id == store_id)
            unit.delete(STORES, STORES.c.id == store_id)
            return loose

        await self.removal.clear(call.principal, await self._database.write(call.principal, work))
        return Answer.of(DeletedVectorStore(id=store_id))

    async def search(self, store_id: str, request: SearchRequest, call: Call) -> Answer[SearchResults]:
        return Answer.of(await self._search.run(store_id, request, call))

    async def add_file(self, store_id: str, request: AddFile, call: Call) -> Answer[StoreFile]:
        await self._database.read(call.principal, lambda unit: usable_store(unit, store_id))
        files = await self.adding.known([request], call, "file_id")
        row, loose = await self.adding.add(store_id, files, None, call)
        await self.removal.clear(call.principal, loose)
        return Answer.of(file_of(row))

    async def list_files(self, store_id: str, query: ListStoreFilesQuery, call: Call) -> Answer[StoreFileList]:
        def work(unit: Owned) -> Rows:
            existing_store(unit, store_id)
            return _file_page(unit, query, FILES.c.store_id == store_id)

        return Answer.of(_file_list(await self._database.read(call.principal, work)))

    async def get_file(self, store_id: str, file_id: str, call: Call) -> Answer[StoreFile]:
        return Answer.of(file_of(await self._file(store_id, file_id, call)))

    async def update_file(self, store_id: str, file_id: str, request: UpdateStoreFile, call: Call) -> Answer[StoreFile]:
        attributes: Mapping[str, Any] = request.attributes or {}
        check_attributes(attributes)

        def work(unit: Owned) -> tuple[RowMapping, RowMapping]:
            store = usable_store(unit, store_id, lock=True)
            file = existing_file(unit, store_id, file_id)
            more = file_bytes(attributes) - file_bytes(file["attributes"])
            check_room(unit, call, max(0, more))
            values = {"attributes": attributes, "bytes": FILES.c.bytes + more}
            unit.update(FILES, values, FILES.c.id == file["id"])
            return store, existing_file(unit, store_id, file_id)

        store, file = await self._database.write(call.principal, work)
        # Of two who change them at once, the one whose row is there last may be the first to reach the index.
        wanted = file["attributes"]
        while True:
            await self._tell_index(store, file["id"], wanted)
            now = await self._database.read(call.principal, lambda unit: unit.get(FILES, file["id"]))
            if now is None or now["attributes"] == wanted:
                return Answer.of(file_of(file))
            wanted = now["attributes"]

    async def delete_file(self, store_id: str, file_id: str, call: Call) -> Answer[DeletedStoreFile]:
        def work(unit: Owned) -> Sequence[Mapping[str, Any]]:
            store = existing_store(unit, store_id, lock=True)
            file = existing_file(unit, store_id, file_id)
            move(unit, [file], None)
            return self.removal.loosen_files(unit, store, [file], writing=file["status"] == "in_progress")

        await self.removal.clear(call.principal, await self._database.write(call.principal, work))
        return Answer.of(DeletedStoreFile(id=file_id))

    async def forget_file(self, file_id: str, call: Call) -> None:
        try:
            await self._files.get(file_id, call)
        except NotFound:
            await self.removal.forget(file_id, call)

    async def file_content(self, store_id: str, file_id: str, call: Call) -> Answer[StoreFileContent]:
        file = await self._file(store_id, file_id, call)
        rows = await self._vectors.chunks(file["id"], 0, 2**31 - 1, call)
        texts = [StoreFileText(text=document_of(rows))] if rows else []
        return Answer.of(StoreFileContent(data=texts))

    async def add_files(self, store_id: str, request: AddFiles, call: Call) -> Answer[StoreFileBatch]:
        await self._database.read(call.principal, lambda unit: usable_store(unit, store_id))
        given, param = _batch_files(request)
        files = await self.adding.known(given, call, param)
        batch_id = new_id("vsfb_")
        _, loose = await self.adding.add(store_id, files, batch_id, call)
        await self.removal.clear(call.principal, loose)
        return await self.get_batch(store_id, batch_id, call)

    async def get_batch(self, store_id: str, batch_id: str, call: Call) -> Answer[StoreFileBatch]:
        row = await self._database.read(call.principal, lambda unit: self._batch(unit, store_id, batch_id))
        return Answer.of(batch_of(row))

    async def cancel_batch(self, store_id: str, batch_id: str, call: Call) -> Answer[StoreFileBatch]:
        def work(unit: Owned) -> tuple[RowMapping, Sequence[Mapping[str, Any]]]:
            store = existing_store(unit, store_id, lock=True)
            existing_batch(unit, store_id, batch_id)
            files = unit.select(FILES, FILES.c.batch_id == batch_id, FILES.c.status == "in_progress")
            move(unit, files, "cancelled")
            if files:
                unit.update(BATCHES, {"cancelled_at": int(time.time())}, BATCHES.c.id == batch_id)
            loose = self.removal.loosen_files(unit, store, files, writing=True)
            return existing_batch(unit, store_id, batch_id), loose

        batch, loose = await self._database.write(call.principal, work)
        await self.removal.clear(call.principal, loose)
        if batch["job_id"] is not None:
            with suppress(NotFound):  # long over
                await self._jobs.cancel(batch["job_id"], None)
        return Answer.of(batch_of(batch))

    async def list_batch_files(
        self, store_id: str, batch_id: str, query: ListStoreFilesQuery, call: Call
    ) -> Answer[StoreFileList]:
        def work(unit: Owned) -> Rows:
            self._batch(unit, store_id, batch_id)
            return _file_page(unit, query, FILES.c.batch_id == batch_id)

        return Answer.of(_file_list(await self._database.read(call.principal, work)))

    @staticmethod
    def _batch(unit: Owned, store_id: str, batch_id: str) -> RowMapping:
        existing_store(unit, store_id)
        return existing_batch(unit, store_id, batch_id)

    async def _file(self, store_id: str, file_id: str, call: Call) -> RowMapping:
        def work(unit: Owned) -> RowMapping:
            existing_store(unit, store_id)
            return existing_file(unit, store_id, file_id)

        return await self._database.read(call.principal, work)

    async def _tell_index(self, store: RowMapping, file: str, attributes: Mapping[str, Any]) -> None:
        """Have both what is searched and what may take its place go by new attributes."""
        index = self._vectors.index(store["provider"])
        collections = [collection_of(store), next_collection_of(store)]
        for collection in collections if store["next_model"] is not None else collections[:1]:
            with suppress(NotFound):  # replaced in between, by one that was filled with them
                await index.set_attributes(collection, file, attributes)

    async def _make_collection(self, index: VectorIndex, collection: str, dimension: int) -> None:
        try:
            await index.create(collection, dimension)
        except UnsupportedFeature as error:
            error.param = "embedding_dimension"
            raise

    def _provider(self, named: str | None) -> tuple[str, VectorIndex]:
        """The instance that a new store's vectors are kept by."""
        instances = self._rail.instances(VectorIndex)
        name = named or self._config.provider or next(iter(instances), None)
        if name is None:
            raise NothingServes("No vector database is installed, which vector stores need.")
        if name not in instances:
            raise InvalidRequest(f"There is no vector database '{name}'.", param="provider_id")
        return name, instances[name]


def _text(value: str | MISSING | None) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: int | MISSING) -> int | None:
    return value if isinstance(value, int) else None


def _expiry(after: StoreExpiry | int | MISSING | None, now: int) -> dict[str, int | None]:
    days = after.days if isinstance(after, StoreExpiry) else after if isinstance(after, int) else None
    return {"expires_days": days, "expires_at": None if days is None else now + days * _DAY}


def _next(model: Any, call: Call) -> dict[str, Any]:
    return {
        "next_model": model.id,
        "next_dimension": model.dimension,
        "next_shortened": model.shortened,
        "next_done": 0,
        "next_error": None,
        "next_job": new_id("vsn_"),
        "next_by": call.principal.user or "",
    }


def _batch_files(request: AddFiles) -> tuple[Sequence[AddFile], str]:
    """The files of a batch, and the field of the request that names them.

    Raises:
        InvalidRequest: It names none, or in two ways.
    """
    if (request.files is MISSING) == (request.file_ids is MISSING):
        raise InvalidRequest("Give either 'file_ids' or 'files'.", param="file_ids")
    if isinstance(request.files, list):
        return request.files, "files"
    ids = request.file_ids if isinstance(request.file_ids, list) else []
    strategy, attributes = request.chunking_strategy, request.attributes
    return [AddFile(file_id=one, chunking_strategy=strategy, attributes=attributes) for one in ids], "file_ids"


def _file_page(unit: Owned, query: ListStoreFilesQuery, *where: Any) -> Rows:
    if isinstance(query.filter, str):
        where = (*where, FILES.c.status == query.filter)
    return unit.page(FILES, page_of(query), *where, key=FILES.c.file_id)


def _file_list(found: Rows) -> StoreFileList:
    data = [file_of(row) for row in found.rows]
    first_id, last_id = (data[0].id, data[-1].id) if data else ("", "")
    return StoreFileList(data=data, first_id=first_id, last_id=last_id, has_more=found.has_more)
