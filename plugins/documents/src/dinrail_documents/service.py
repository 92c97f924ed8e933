"""Files become chunks, at once or in a job."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

from sqlalchemy import RowMapping

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call
from dinrail_core.api.chunking import (
    AutoChunking,
    ChunkingStrategy,
    ChunkSizes,
    ContextualChunking,
    StaticChunking,
)
from dinrail_core.api.documents.contract import (
    INVALID_FILE,
    UNSUPPORTED_FILE,
    DocumentParser,
    Documents,
    DocumentSource,
    ParsedDocument,
    source_of,
)
from dinrail_core.api.documents.objects import (
    ProcessedFile,
    ProcessFile,
    ProcessingJob,
    ProcessingJobList,
    ProcessingOptions,
)
from dinrail_core.api.files import Files
from dinrail_core.api.jobs import Job, JobFailed, JobRun, Jobs
from dinrail_core.api.pages import ListQuery
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import InvalidRequest, NotFound, RequestError
from dinrail_core.hooks import Rail
from dinrail_documents.contexts import check_model, write_contexts
from dinrail_documents.parser import BuiltInParser, chunks_of
from dinrail_documents.plugin import DocumentsConfig
from dinrail_documents.retention import remove_old
from dinrail_documents.tables import READINGS
from dinrail_sdk.confined.parent import Confined, Limits
from dinrail_sdk.confined.parser import DocumentLimits
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.sql.units import Owned, page_of

__all__ = ["BUILT_IN", "DocumentService"]

BUILT_IN = "built-in"
"""The name of the parser that is part of this plugin."""

_LOST = 60
"""Seconds after which a file that is to be read has a job, unless whoever was to make it has died."""
_SIZE, _OVERLAP = 800, 400
"""What ``auto`` means (OpenAI's ``AutoChunkingStrategyRequestParam``)."""
_SIZES = frozenset(ChunkSizes.model_fields)


class DocumentService(Documents):
    """Reads and cuts files.

    Args:
        config: Limits and preferences.
        rail: Where other parsers, models and services are.
        confined: Runs the built-in parser, and cuts.
    """

    def __init__(
        self, config: DocumentsConfig, rail: Rail, database: Database, files: Files, confined: Confined
    ) -> None:
        self._config = config
        self._rail = rail
        self._database = database
        self._files = files
        self._confined = confined
        limits = DocumentLimits(config.max_bytes, config.max_characters, config.expansion, config.max_pages)
        self._built_in = BuiltInParser(confined, limits)

    @classmethod
    @asynccontextmanager
    async def opened(cls, config: DocumentsConfig, rail: Rail) -> AsyncIterator[Self]:
        """The service, until the block is left."""
        limits = Limits(config.cpu_seconds, 3.0 * config.cpu_seconds, config.memory, 8 * config.max_characters)
        confined = Confined("dinrail_documents.reading.child", limits, config.processes)
        async with confined.running():
            yield cls(config, rail, await rail.service(Database), await rail.service(Files), confined)

    async def parse(
        self, source: DocumentSource, call: Call, options: ProcessingOptions | None = None
    ) -> ParsedDocument:
        _, document = await self._parsed(source, options, call)
        return document

    def check_strategy(self, strategy: ChunkingStrategy, param: str) -> None:
        if isinstance(strategy, ContextualChunking):
            check_model(_given(strategy.contextual.model_id) or self._config.context_model, param)

    async def process(
        self,
        source: DocumentSource,
        strategy: ChunkingStrategy,
        call: Call,
        options: ProcessingOptions | None = None,
        most_tokens: int | None = None,
    ) -> ProcessedFile:
        name, document = await self._parsed(source, options, call)
        sizes = _sizes(strategy, most_tokens)
        size, overlap = sizes.max_chunk_size_tokens, sizes.chunk_overlap_tokens
        chunks = await chunks_of(document, size, overlap, self._confined)
        kept: ChunkingStrategy = StaticChunking(static=sizes)
        if isinstance(strategy, ContextualChunking):
            kept, model = strategy, strategy.contextual.model_id
            lines = await self.contexts(document.text, [one.text for one in chunks], _given(model), call)
            chunks = [one.model_copy(update={"context": line}) for one, line in zip(chunks, lines, strict=True)]
        metadata: dict[str, Any] = {
            **document.metadata,
            "parser": name,
            "media_type": source.media_type,
            "filename": source.filename,
            "characters": len(document.text),
            "chunking_strategy": kept.model_dump(mode="json"),
        }
        if document.pages:
            metadata["pages"] = len(document.pages)
        return ProcessedFile(chunks=chunks, metadata=metadata)

    async def contexts(self, document: str, chunks: Sequence[str], model: str | None, call: Call) -> Sequence[str]:
        return await write_contexts(document, chunks, model or self._config.context_model, self._rail, call)

    async def start(self, request: ProcessFile, call: Call) -> Answer[ProcessingJob]:
        await self._files.get(request.file_id, call)
        row: dict[str, Any] = {
            "id": new_id("fpjob_"),
            "file_id": request.file_id,
            "request": request.model_dump(mode="json", exclude={"file_id"}),
            "status": "in_progress",
            "created_at": int(time.time()),
            "result": None,
            "error": None,
            "job_id": None,
        }
        await self._database.write(call.principal, lambda unit: unit.insert(READINGS, row))
        await self._enqueue(row["id"], call)
        return Answer.of(_job_of(row))

    async def job(self, job_id: str, call: Call) -> Answer[ProcessingJob]:
        row = await self._database.read(call.principal, lambda unit: _existing(unit, job_id))
        if row["status"] == "in_progress" and row["job_id"] is None and row["created_at"] < time.time() - _LOST:
            await self._enqueue(job_id, call)
        return Answer.of(_job_of(row))

    async def list_jobs(self, query: ListQuery, call: Call) -> Answer[ProcessingJobList]:
        found = await self._database.read(
            call.principal, lambda unit: unit.page(READINGS, page_of(query), without=(READINGS.c.result,))
        )
        data = [_job_of({**row, "result": None}) for row in found.rows]
        first_id, last_id = (data[0].id, data[-1].id) if data else ("", "")
        return Answer.of(ProcessingJobList(data=data, first_id=first_id, last_id=last_id, has_more=found.has_more))

    async def cancel_job(self, job_id: str, call: Call) -> Answer[ProcessingJob]:
        def work(unit: Owned) -> RowMapping:
            _existing(unit, job_id)
            going_on = (READINGS.c.id == job_id, READINGS.c.status == "in_progress")
            unit.update(READINGS, {"status": "cancelled"}, *going_on)
            return _existing(unit, job_id)

        row = await self._database.write(call.principal, work)
        if row["status"] == "cancelled" and row["job_id"] is not None:
            with suppress(NotFound):  # long over
                await (await self._rail.service(Jobs)).cancel(row["job_id"], None)
        return Answer.of(_job_of(row))

    async def _enqueue(self, reading: str, call: Call) -> None:
        """Have a file read; where that has been asked before, that is meant."""
        jobs = await self._rail.service(Jobs)
        values = {"job_id": await jobs.enqueue("process-file", {"id": reading}, call, key=reading)}
        await self._database.write(call.principal, lambda unit: unit.update(READINGS, values, READINGS.c.id == reading))

    async def run(self, job: JobRun) -> None:
        """Do a job that :meth:`start` has enqueued.

        Raises:
            JobFailed: The file cannot be read.
        """
        row = await self._database.read(job.call.principal, lambda unit: unit.get(READINGS, job.payload["id"]))
        if row is None or row["status"] != "in_progress":
            return
        request = ProcessFile.model_validate({"file_id": row["file_id"], **row["request"]})
        strategy = AutoChunking() if request.chunking_strategy is MISSING else request.chunking_strategy
        options = request.options if isinstance(request.options, ProcessingOptions) else None
        try:
            source = source_of(await self._files.content(request.file_id, job.call))
            found = await self.process(source, strategy, job.call, options)
        except RequestError as error:
            raise JobFailed(error.message, code=error.code) from error
        await self._end(job.call, row["id"], {"status": "completed", "result": found.model_dump_json()})

    async def ended(self, job: Job) -> None:
        """Note that a job has failed or was cancelled."""
        status = "cancelled" if job.state == "cancelled" else "failed"
        error = dict(job.error) if job.error is not None else None
        await self._end(Call(job.principal), job.payload["id"], {"status": status, "error": error})

    async def sweep(self) -> None:
        """Remove results that are a day old."""
        await self._database.sweep(remove_old)

    async def _end(self, call: Call, job_id: str, values: dict[str, Any]) -> None:
        def work(unit: Owned) -> None:
            unit.update(READINGS, values, READINGS.c.id == job_id, READINGS.c.status == "in_progress")

        await self._database.write(call.principal, work)

    async def _parsed(
        self, source: DocumentSource, options: ProcessingOptions | None, call: Call
    ) -> tuple[str, ParsedDocument]:
        """The document, and who has read it: who is asked first, or the next one where that cannot.

        A scan is broken to a parser that recognises nothing, and a PDF to one library that another one mends.
        """
        (name, parser), *others = self._parsers(source, options)
        try:
            return name, await parser.parse(source, call)
        except InvalidRequest as error:
            if error.code != INVALID_FILE or not others:
                raise
            name, parser = others[0]
            with suppress(InvalidRequest):
                return name, await parser.parse(source, call)
            raise

    def _parsers(self, source: DocumentSource, options: ProcessingOptions | None) -> list[tuple[str, DocumentParser]]:
        """Who reads a file: who is named alone, or who is preferred, the built-in one, and whoever else can."""
        others = self._rail.instances(DocumentParser)
        named = options.parser if options is not None and isinstance(options.parser, str) else None
        if named is not None:
            found = self._built_in if named == BUILT_IN else others.get(named)
            if found is None:
                raise NotFound(f"There is no parser '{named}'.", param="options.parser")
            return [(named, found)]
        preferred = {name: others[name] for name in self._config.parsers if name in others}
        order = {**preferred, BUILT_IN: self._built_in, **others}
        reading = [(name, parser) for name, parser in order.items() if parser.reads(source)]
        if not reading:
            message = f"No installed parser reads files of the type {source.media_type}."
            raise InvalidRequest(message, code=UNSUPPORTED_FILE)
        return reading


def _sizes(strategy: ChunkingStrategy, most_tokens: int | None) -> ChunkSizes:
    if isinstance(strategy, StaticChunking):
        return strategy.static
    if isinstance(strategy, ContextualChunking) and strategy.contextual.model_fields_set & _SIZES:
        return strategy.contextual
    size = max(100, min(_SIZE, most_tokens or _SIZE))
    return ChunkSizes(max_chunk_size_tokens=size, chunk_overlap_tokens=size * _OVERLAP // _SIZE)


def _existing(unit: Owned, job_id: str) -> RowMapping:
    row = unit.get(READINGS, job_id)
    if row is None:
        raise NotFound(f"There is no job '{job_id}'.", param="job_id")
    return row


def _given(model: str | MISSING) -> str | None:
    return model if isinstance(model, str) else None


def _job_of(row: RowMapping | dict[str, Any]) -> ProcessingJob:
    result = ProcessedFile.model_validate_json(row["result"]) if row["result"] is not None else None
    return ProcessingJob(
        id=row["id"],
        created_at=row["created_at"],
        status=row["status"],
        file_id=row["file_id"],
        result=result,
        error=row["error"],
    )
