"""``/v1/files``."""

from __future__ import annotations

from email.utils import formatdate

from dinrail_core.api.answers import Answer
from dinrail_core.api.files import DeletedFile, FileForm, FileList, Files, ListFilesQuery, NewFile, OpenAIFile
from dinrail_core.api.vector_stores.contract import VectorStores
from dinrail_core.api.wire import decode_request
from dinrail_core.hooks.http import Exchange, Reply, Route
from dinrail_server.routes.downloads import download
from dinrail_server.routes.forms import MULTIPART, Form, read_form

__all__ = ["ROUTES"]

_TAG = "Files"


def _new_file(form: Form) -> NewFile:
    fields = decode_request(FileForm, {**form.fields, "file": ""}, from_text=True)
    data = {"filename": form.filename, "purpose": fields.purpose, "expires_after": fields.expires_after}
    return decode_request(NewFile, data)


async def _create(exchange: Exchange) -> Answer[OpenAIFile]:
    files = await exchange.rail.service(Files)
    async with read_form(exchange, "file") as form:
        if "purpose" in form.fields:
            _new_file(form)  # a mistake is better told before the bytes have come

        async def describe() -> NewFile:
            await form.finish()
            return _new_file(form)

        return await files.store(form.file, describe, exchange.call)


async def _list(exchange: Exchange) -> Answer[FileList]:
    query = exchange.parameters(ListFilesQuery)
    files = await exchange.rail.service(Files)
    return await files.list(query, exchange.call)


async def _retrieve(exchange: Exchange) -> Answer[OpenAIFile]:
    files = await exchange.rail.service(Files)
    return await files.get(exchange.path["file_id"], exchange.call)


async def _delete(exchange: Exchange) -> Answer[DeletedFile]:
    """The file, and what vector stores have of it."""
    files, file_id = await exchange.rail.service(Files), exchange.path["file_id"]
    stores = await exchange.rail.service(VectorStores) if exchange.rail.provides(VectorStores) else None
    try:
        return await files.delete(file_id, exchange.call)
    finally:
        # Also where it is gone already: whoever deleted it may have died before this.
        if stores is not None:
            await stores.forget_file(file_id, exchange.call)


async def _content(exchange: Exchange) -> Reply:
    files = await exchange.rail.service(Files)
    found = await files.content(exchange.path["file_id"], exchange.call)
    return download(exchange, found, {"last-modified": formatdate(found.file.created_at, usegmt=True)})


ROUTES = (
    Route(
        method="POST",
        path="/v1/files",
        handler=_create,
        summary="Upload a file",
        tag=_TAG,
        creates=True,
        form=FileForm,
        content_types=MULTIPART,
        answer=OpenAIFile,
    ),
    Route(
        method="GET",
        path="/v1/files",
        handler=_list,
        summary="List files",
        tag=_TAG,
        query=ListFilesQuery,
        answer=FileList,
    ),
    Route(
        method="GET",
        path="/v1/files/{file_id}",
        handler=_retrieve,
        summary="Look at a file",
        tag=_TAG,
        answer=OpenAIFile,
    ),
    Route(
        method="DELETE",
        path="/v1/files/{file_id}",
        handler=_delete,
        summary="Delete a file and its bytes",
        tag=_TAG,
        answer=DeletedFile,
    ),
    Route(
        method="GET",
        path="/v1/files/{file_id}/content",
        handler=_content,
        summary="Fetch a file's bytes, or a range of them",
        tag=_TAG,
    ),
)
