"""``/v1/containers``."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from dinrail_core.api.answers import Answer
from dinrail_core.api.containers import (
    Container,
    ContainerFile,
    ContainerFileForm,
    ContainerFileList,
    ContainerList,
    Containers,
    CreateContainer,
    CreateContainerFile,
    DeletedContainer,
    DeletedContainerFile,
    ListContainerFilesQuery,
    ListContainersQuery,
)
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import InvalidRequest
from dinrail_core.hooks.http import Exchange, Reply, Route
from dinrail_server.routes.downloads import download
from dinrail_server.routes.forms import MULTIPART, Form, read_form

__all__ = ["ROUTES"]

_TAG = "Containers"
_CONTAINER = "/v1/containers/{container_id}"
_FILE = f"{_CONTAINER}/files/{{file_id}}"


async def _containers(exchange: Exchange) -> Containers:
    return await exchange.rail.service(Containers)


def _ids(exchange: Exchange) -> tuple[str, str]:
    return exchange.path["container_id"], exchange.path["file_id"]


async def _create(exchange: Exchange) -> Answer[Container]:
    containers = await _containers(exchange)
    return await containers.create(await exchange.decode(CreateContainer), exchange.call)


async def _list(exchange: Exchange) -> Answer[ContainerList]:
    query = exchange.parameters(ListContainersQuery)
    return await (await _containers(exchange)).list(query, exchange.call)


async def _retrieve(exchange: Exchange) -> Answer[Container]:
    return await (await _containers(exchange)).get(exchange.path["container_id"], exchange.call)


async def _delete(exchange: Exchange) -> Answer[DeletedContainer]:
    return await (await _containers(exchange)).delete(exchange.path["container_id"], exchange.call)


async def _add_file(exchange: Exchange) -> Answer[ContainerFile]:
    """A file comes as a form, or is named by its id: in JSON, or, as OpenAI's clients do, in a form without a file."""
    containers, container_id = await _containers(exchange), exchange.path["container_id"]
    if not exchange.has_form:
        request = await exchange.decode(CreateContainerFile)
        return await containers.copy_file(container_id, request, exchange.call)
    async with read_form(exchange, "file", optional=True) as form:
        if form.has_file:
            return await containers.upload_file(container_id, form.filename, _uploaded(form), exchange.call)
        request = decode_request(CreateContainerFile, form.fields)
    return await containers.copy_file(container_id, request, exchange.call)


async def _uploaded(form: Form) -> AsyncGenerator[bytes, None]:
    """The file's bytes; a mistake behind them is told before the file is taken."""
    async for piece in form.file:
        yield piece
    if "file_id" in await form.finish():
        raise InvalidRequest("A request has a 'file' or a 'file_id', not both.", param="file_id")


async def _list_files(exchange: Exchange) -> Answer[ContainerFileList]:
    query = exchange.parameters(ListContainerFilesQuery)
    return await (await _containers(exchange)).files(exchange.path["container_id"], query, exchange.call)


async def _retrieve_file(exchange: Exchange) -> Answer[ContainerFile]:
    return await (await _containers(exchange)).file(*_ids(exchange), exchange.call)


async def _delete_file(exchange: Exchange) -> Answer[DeletedContainerFile]:
    return await (await _containers(exchange)).delete_file(*_ids(exchange), exchange.call)


async def _content(exchange: Exchange) -> Reply:
    _, found = await (await _containers(exchange)).content(*_ids(exchange), exchange.call)
    return download(exchange, found)


ROUTES = (
    Route(
        method="POST",
        path="/v1/containers",
        handler=_create,
        summary="Make a container, in which code runs",
        tag=_TAG,
        creates=True,
        body=CreateContainer,
        answer=Container,
    ),
    Route(
        method="GET",
        path="/v1/containers",
        handler=_list,
        summary="List containers",
        tag=_TAG,
        query=ListContainersQuery,
        answer=ContainerList,
    ),
    Route(
        method="GET",
        path=_CONTAINER,
        handler=_retrieve,
        summary="Look at a container",
        tag=_TAG,
        answer=Container,
    ),
    Route(
        method="DELETE",
        path=_CONTAINER,
        handler=_delete,
        summary="Delete a container with its files",
        tag=_TAG,
        answer=DeletedContainer,
    ),
    Route(
        method="POST",
        path=f"{_CONTAINER}/files",
        handler=_add_file,
        summary="Upload a file into a container, or copy one of yours",
        tag=_TAG,
        creates=True,
        body=CreateContainerFile,
        form=ContainerFileForm,
        content_types=frozenset({"application/json"}) | MULTIPART,
        answer=ContainerFile,
    ),
    Route(
        method="GET",
        path=f"{_CONTAINER}/files",
        handler=_list_files,
        summary="List a container's files",
        tag=_TAG,
        query=ListContainerFilesQuery,
        answer=ContainerFileList,
    ),
    Route(
        method="GET",
        path=_FILE,
        handler=_retrieve_file,
        summary="Look at a file of a container",
        tag=_TAG,
        answer=ContainerFile,
    ),
    Route(
        method="DELETE",
        path=_FILE,
        handler=_delete_file,
        summary="Delete a file of a container",
        tag=_TAG,
        answer=DeletedContainerFile,
    ),
    Route(
        method="GET",
        path=f"{_FILE}/content",
        handler=_content,
        summary="Fetch the bytes of a container's file, or a range of them",
        tag=_TAG,
    ),
)
