"""Taking files in: read, cut, embedded, and found from then on. Every step may be done again in another process."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import RowMapping

from dinrail_core.api.call import Call
from dinrail_core.api.chunking import ChunkingStrategy, ContextualChunking, StaticChunking
from dinrail_core.api.documents import Documents, source_of
from dinrail_core.api.files import Files
from dinrail_core.api.jobs import Job, JobRun
from dinrail_core.errors import DinrailError, NotFound, RateLimited, RequestError
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.quota import check_room
from dinrail_sdk.sql.units import Owned
from dinrail_vector_stores.chunks import chunk_rows, content_bytes, document_of, with_context
from dinrail_vector_stores.embedding import EmbeddingModel, Embeddings
from dinrail_vector_stores.removal import Removal
from dinrail_vector_stores.rows import collection_of, file_bytes, move
from dinrail_vector_stores.tables import CHUNKS, FILES, STORES
from dinrail_vector_stores.vectors import Vectors

__all__ = ["Ingestion"]

_LOG = logging.getLogger("dinrail.vector_stores")
_STRATEGY: TypeAdapter[Any] = TypeAdapter(ChunkingStrategy)
_CODES = frozenset({"unsupported_file", "invalid_file"})
_ATTEMPTS = 4
"""Of the job's; in the last of them a file that a model or a database refuses fails alone."""
_ROWS = 500
"""Chunks that are written in one transaction."""


class _Gone(Exception):
    """The file was taken out of its store, or its batch was cancelled."""


class Ingestion:
    """Takes files in.

    Args:
        database: Where the rows are.
        files: Where the files are.
        documents: What reads and cuts them.
        embeddings: What embeds.
        vectors: What fills collections.
        removal: Removes what a file that fails has left.
        batch: Chunks that are embedded at once.
    """

    def __init__(
        self,
        database: Database,
        files: Files,
        documents: Documents,
        embeddings: Embeddings,
        vectors: Vectors,
        removal: Removal,
        batch: int,
    ) -> None:
        self._database = database
        self._files = files
        self._documents = documents
        self._embeddings = embeddings
        self._vectors = vectors
        self._removal = removal
        self._batch = batch

    async def run(self, job: JobRun) -> None:
        """Take in the files of a group, one after the other; those that cannot be are marked as failed."""
        total = await self._database.read(
            job.call.principal, lambda unit: unit.count(FILES, FILES.c.group_id == job.payload["group"])
        )
        done = 0
        while (file := await self._next(job)) is not None:
            await job.progress(done, total, "files")
            try:
                await self._take_in(file, job)
            except _Gone:
                pass
            except DinrailError as error:
                passing = not isinstance(error, RequestError) or isinstance(error, RateLimited)
                passing = passing and error.code != "insufficient_quota"
                if passing and job.attempt < _ATTEMPTS:
                    raise
                await self._fail(file, error, job.call)
            done += 1

    async def ended(self, job: Job) -> None:
        """Leave none of the files of a job that has failed or was cancelled in progress."""
        call = Call(job.principal)
        waiting = (FILES.c.group_id == job.payload["group"], FILES.c.status == "in_progress")
        error = (job.error or {}).get("message") or "The server could not take the file in."
        status = "cancelled" if job.state == "cancelled" else "failed"
        for file in await self._database.read(call.principal, lambda unit: unit.select(FILES, *waiting)):
            await self._end(file, status, None if status == "cancelled" else ("server_error", error), call)

    async def _next(self, job: JobRun) -> RowMapping | None:
        waiting = (FILES.c.group_id == job.payload["group"], FILES.c.status == "in_progress")
        return await self._database.read(
            job.call.principal, lambda unit: unit.first(FILES, *waiting, order_by=(FILES.c.id,))
        )

    async def _take_in(self, file: RowMapping, job: JobRun) -> None:
        count = await job.step(f"{file['id']}:read", partial(self._read, file, job.call))
        while True:
            store, current = await self._current(file, job.call)
            model = EmbeddingModel(store["model"], store["dimension"], store["shortened"])
            for begin in range(0, count, self._batch):
                embed = partial(self._embed, file, store, model, begin, job.call)
                await job.step(f"{file['id']}:{store['generation']}:{begin}", embed)
                await job.progress(min(count, begin + self._batch), count, "chunks")
            if await self._publish(current, store, model, job.call):
                return

    async def _current(self, file: RowMapping, call: Call) -> tuple[RowMapping, RowMapping]:
        """The store and the file as they are now.

        Raises:
            _Gone: The file is not to be taken in any more.
        """

        def work(unit: Owned) -> tuple[RowMapping | None, RowMapping | None]:
            return unit.get(STORES, file["store_id"]), unit.get(FILES, file["id"])

        store, current = await self._database.read(call.principal, work)
        if store is None or current is None or current["status"] != "in_progress":
            raise _Gone
        return store, current

    async def _read(self, file: RowMapping, call: Call, key: str) -> int:
        """Read and cut the file, and write its chunks down; how many they are."""
        store, _ = await self._current(file, call)
        strategy = _STRATEGY.validate_python(file["strategy"])
        try:
            source = source_of(await self._files.content(file["file_id"], call))
        except NotFound as error:
            raise RequestError("The file has been deleted.", code="invalid_file") from error
        sizes = StaticChunking(static=strategy.contextual) if isinstance(strategy, ContextualChunking) else strategy
        most = await self._embeddings.most_tokens(store["model"])
        found = await self._documents.process(source, sizes, call, most_tokens=most)
        kept = file["strategy"] if isinstance(strategy, ContextualChunking) else found.metadata["chunking_strategy"]
        rows = chunk_rows(file, found.chunks)
        await self._write(file, rows, kept, content_bytes(rows, store["dimension"]), call)
        return len(rows)

    async def _write(
        self, file: RowMapping, rows: Sequence[Mapping[str, Any]], strategy: Any, content: int, call: Call
    ) -> None:
        def begin(unit: Owned) -> None:
            current = unit.get(FILES, file["id"], lock=True)
            if current is None:
                raise _Gone
            size = file_bytes(current["attributes"], content)
            check_room(unit, call, max(0, size - current["bytes"]))
            unit.update(FILES, {"strategy": strategy, "bytes": size}, FILES.c.id == file["id"])
            unit.delete(CHUNKS, CHUNKS.c.file == file["id"])

        await self._database.write(call.principal, begin)
        for first in range(0, len(rows), _ROWS):
            part = rows[first : first + _ROWS]

            def add(unit: Owned, part: Sequence[Mapping[str, Any]] = part) -> None:
                current = unit.get(FILES, file["id"])
                if current is None:
                    raise _Gone
                unit.insert(CHUNKS, *part, under=current)

            await self._database.write(call.principal, add)

    async def _embed(
        self, file: RowMapping, store: RowMapping, model: EmbeddingModel, begin: int, call: Call, key: str
    ) -> int:
        _, current = await self._current(file, call)
        rows: Sequence[Mapping[Any, Any]] = await self._vectors.chunks(file["id"], begin, begin + self._batch, call)
        if file["strategy"]["type"] == "contextual" and any(not row["context"] for row in rows):
            rows = await self._say_what_they_are_about(file, rows, call)
        if rows:
            await self._vectors.fill(store["provider"], collection_of(store), rows, model, current["attributes"], call)
        return len(rows)

    async def _say_what_they_are_about(
        self, file: RowMapping, rows: Sequence[Mapping[Any, Any]], call: Call
    ) -> Sequence[Mapping[Any, Any]]:
        strategy = ContextualChunking.model_validate(file["strategy"]).contextual
        model = strategy.model_id if isinstance(strategy.model_id, str) else None
        whole = document_of(await self._vectors.chunks(file["id"], 0, 2**31 - 1, call))
        contexts = await self._documents.contexts(whole, [row["text"] for row in rows], model, call)
        changed = [with_context(row, context) for row, context in zip(rows, contexts, strict=True)]
        ids = [row["id"] for row in changed]

        def work(unit: Owned) -> None:
            current = unit.get(FILES, file["id"])
            if current is None:
                raise _Gone
            unit.delete(CHUNKS, CHUNKS.c.id.in_(ids))
            unit.insert(CHUNKS, *changed, under=current)

        await self._database.write(call.principal, work)
        return changed

    async def _publish(self, file: RowMapping, store: RowMapping, model: EmbeddingModel, call: Call) -> bool:
        """Have the file found from now on; false where its vectors are not those of the store any more."""
        rows = await self._vectors.chunks(file["id"], 0, 2**31 - 1, call)
        sizes = {
            "usage_bytes": content_bytes(rows, model.dimension),
            "chunks": len(rows),
            "words": sum(row["length"] for row in rows),
        }
        attributes = file["attributes"]

        def work(unit: Owned) -> Mapping[str, Any] | bool | None:
            now = unit.get(STORES, store["id"], lock=True)
            current = unit.get(FILES, file["id"], lock=True)
            if now is None or current is None or current["status"] != "in_progress":
                return None
            if now["generation"] != store["generation"]:
                return False
            if current["attributes"] != attributes:
                new: Mapping[str, Any] = current["attributes"]
                return new
            size = file_bytes(attributes, sizes["usage_bytes"])
            move(unit, [current], "completed", {**sizes, "bytes": size, "generation": now["generation"]})
            return True

        while True:
            done = await self._database.write(call.principal, work)
            if done is None:
                await self._vectors.index(store["provider"]).delete_file(collection_of(store), file["id"])
                raise _Gone
            if isinstance(done, bool):
                return done
            attributes = done
            await self._vectors.index(store["provider"]).set_attributes(collection_of(store), file["id"], attributes)

    async def _fail(self, file: RowMapping, error: DinrailError, call: Call) -> None:
        code = error.code if error.code in _CODES else "server_error"
        if code == "server_error" and error.code != "insufficient_quota":
            _LOG.warning("file %s could not be taken in: %s", file["file_id"], error)
        await self._end(file, "failed", (code, error.message), call)

    async def _end(self, file: RowMapping, status: str, error: tuple[str, str] | None, call: Call) -> None:
        """End a file that is in progress, with nothing left of what was read."""
        told = None if error is None else {"code": error[0], "message": error[1]}

        def work(unit: Owned) -> list[dict[str, Any]]:
            store = unit.get(STORES, file["store_id"], lock=True)
            current = unit.get(FILES, file["id"], lock=True)
            if store is None or current is None or current["status"] != "in_progress":
                return []
            move(unit, [current], status, {"error": told})
            return self._removal.loosen_files(unit, store, [current])

        await self._removal.clear(call.principal, await self._database.write(call.principal, work))
