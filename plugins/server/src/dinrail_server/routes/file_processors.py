"""``/v1/file-processors``."""

from __future__ import annotations

from dinrail_core.api.answers import Answer
from dinrail_core.api.chunking import AutoChunking
from dinrail_core.api.documents import (
    Documents,
    ProcessedFile,
    ProcessFile,
    ProcessFileForm,
    ProcessingJob,
    ProcessingJobList,
    ProcessingOptions,
    source_of,
)
from dinrail_core.api.files import ExpiresAfter, FileContent, Files, NewFile
from dinrail_core.api.pages import ListQuery
from dinrail_core.api.wire import MISSING, decode_request
from dinrail_core.errors import InvalidRequest
from dinrail_core.hooks.http import Exchange, Route
from dinrail_server.body import parse_json
from dinrail_server.routes.forms import MULTIPART, Form, read_form
from dinrail_server.routes.may_use import check_strategy

__all__ = ["ROUTES"]

_TAG = "File processors"


async def _process(exchange: Exchange) -> Answer[ProcessedFile]:
    files = await exchange.rail.service(Files)
    if exchange.has_form:
        return await _process_upload(exchange, files)
    request = await exchange.decode(ProcessFile)
    return await _processed(exchange, request, await files.content(request.file_id, exchange.call), "file_id")


async def _process_upload(exchange: Exchange, files: Files) -> Answer[ProcessedFile]:
    """The file is one of the caller's while it is read, and no longer."""
    request: list[ProcessFile] = []
    async with read_form(exchange, "file") as form:

        async def describe() -> NewFile:
            await form.finish()
            request.append(_asked(form))
            # Should this process die, somebody else removes it.
            return NewFile(
                filename=form.filename,
                purpose="user_data",
                expires_after=ExpiresAfter(anchor="created_at", seconds=3600),
            )

        kept = (await files.store(form.file, describe, exchange.call)).value
    try:
        return await _processed(exchange, request[0], await files.content(kept.id, exchange.call), "file")
    finally:
        await files.delete(kept.id, exchange.call)


def _asked(form: Form) -> ProcessFile:
    """What the form says of the file, whose id nobody knows yet."""
    data: dict[str, object] = {"file_id": ""}
    for name in ("options", "chunking_strategy"):
        if name in form.fields:
            data[name] = parse_json(str(form.fields[name]).encode())
    return decode_request(ProcessFile, data)


async def _processed(
    exchange: Exchange, request: ProcessFile, content: FileContent, param: str
) -> Answer[ProcessedFile]:
    await check_strategy(exchange, request.chunking_strategy)
    documents = await exchange.rail.service(Documents)
    strategy = AutoChunking() if request.chunking_strategy is MISSING else request.chunking_strategy
    options = request.options if isinstance(request.options, ProcessingOptions) else None
    try:
        return Answer.of(await documents.process(source_of(content), strategy, exchange.call, options))
    except InvalidRequest as error:
        error.param = error.param or param  # whoever reads a file does not know where it came from
        raise


async def _start(exchange: Exchange) -> Answer[ProcessingJob]:
    request = await exchange.decode(ProcessFile)
    await check_strategy(exchange, request.chunking_strategy)
    documents = await exchange.rail.service(Documents)
    return await documents.start(request, exchange.call)


async def _job(exchange: Exchange) -> Answer[ProcessingJob]:
    documents = await exchange.rail.service(Documents)
    return await documents.job(exchange.path["job_id"], exchange.call)


async def _jobs(exchange: Exchange) -> Answer[ProcessingJobList]:
    query = exchange.parameters(ListQuery)
    return await (await exchange.rail.service(Documents)).list_jobs(query, exchange.call)


async def _cancel(exchange: Exchange) -> Answer[ProcessingJob]:
    documents = await exchange.rail.service(Documents)
    return await documents.cancel_job(exchange.path["job_id"], exchange.call)


ROUTES = (
    Route(
        method="POST",
        path="/v1/file-processors/process",
        handler=_process,
        summary="Read a file and cut it into chunks",
        tag=_TAG,
        asks=True,
        body=ProcessFile,
        form=ProcessFileForm,
        content_types=frozenset({"application/json"}) | MULTIPART,
        answer=ProcessedFile,
    ),
    Route(
        method="POST",
        path="/v1/file-processors/jobs",
        handler=_start,
        summary="Read a file without waiting",
        tag=_TAG,
        creates=True,
        body=ProcessFile,
        answer=ProcessingJob,
    ),
    Route(
        method="GET",
        path="/v1/file-processors/jobs",
        handler=_jobs,
        summary="List the files that are read without waiting",
        tag=_TAG,
        query=ListQuery,
        answer=ProcessingJobList,
    ),
    Route(
        method="POST",
        path="/v1/file-processors/jobs/{job_id}/cancel",
        handler=_cancel,
        summary="Stop reading a file",
        tag=_TAG,
        answer=ProcessingJob,
    ),
    Route(
        method="GET",
        path="/v1/file-processors/jobs/{job_id}",
        handler=_job,
        summary="Look at how far a file is",
        tag=_TAG,
        answer=ProcessingJob,
    ),
)
