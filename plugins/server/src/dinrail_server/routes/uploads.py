"""``/v1/uploads``."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from dinrail_core.api.answers import Answer
from dinrail_core.api.uploads import CompleteUpload, CreateUpload, PartForm, Upload, UploadPart, Uploads
from dinrail_core.hooks.http import Exchange, Route
from dinrail_server.routes.forms import MULTIPART, read_form

__all__ = ["ROUTES"]

_TAG = "Uploads"


async def _create(exchange: Exchange) -> Answer[Upload]:
    request = await exchange.decode(CreateUpload)
    uploads = await exchange.rail.service(Uploads)
    return await uploads.create(request, exchange.call)


async def _add_part(exchange: Exchange) -> Answer[UploadPart]:
    uploads = await exchange.rail.service(Uploads)
    async with read_form(exchange, "data") as form:

        async def data() -> AsyncGenerator[bytes, None]:
            async for piece in form.file:
                yield piece
            await form.finish()  # what stands behind it belongs to the request, before a part is made

        async with aclosing(data()) as pieces:
            return await uploads.add_part(exchange.path["upload_id"], pieces, exchange.call)


async def _complete(exchange: Exchange) -> Answer[Upload]:
    request = await exchange.decode(CompleteUpload)
    uploads = await exchange.rail.service(Uploads)
    return await uploads.complete(exchange.path["upload_id"], request, exchange.call)


async def _cancel(exchange: Exchange) -> Answer[Upload]:
    uploads = await exchange.rail.service(Uploads)
    return await uploads.cancel(exchange.path["upload_id"], exchange.call)


ROUTES = (
    Route(
        method="POST",
        path="/v1/uploads",
        handler=_create,
        summary="Begin to upload a file in parts",
        tag=_TAG,
        creates=True,
        body=CreateUpload,
        answer=Upload,
    ),
    Route(
        method="POST",
        path="/v1/uploads/{upload_id}/parts",
        handler=_add_part,
        summary="Send a part",
        tag=_TAG,
        creates=True,
        form=PartForm,
        content_types=MULTIPART,
        answer=UploadPart,
    ),
    Route(
        method="POST",
        path="/v1/uploads/{upload_id}/complete",
        handler=_complete,
        summary="Make the file of its parts",
        tag=_TAG,
        creates=True,
        body=CompleteUpload,
        answer=Upload,
    ),
    Route(
        method="POST",
        path="/v1/uploads/{upload_id}/cancel",
        handler=_cancel,
        summary="Give an upload up",
        tag=_TAG,
        answer=Upload,
    ),
)
