"""``/v1/vector_stores``."""

from __future__ import annotations

from dinrail_core.api.answers import Answer
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.pages import ListQuery
from dinrail_core.api.rerank import Reranker
from dinrail_core.api.vector_index import VectorIndex
from dinrail_core.api.vector_stores import (
    AddFile,
    AddFiles,
    CreateVectorStore,
    DeletedStoreFile,
    DeletedVectorStore,
    ListStoreFilesQuery,
    SearchRanking,
    SearchRequest,
    SearchResults,
    StoreFile,
    StoreFileBatch,
    StoreFileContent,
    StoreFileList,
    UpdateStoreFile,
    UpdateVectorStore,
    VectorStore,
    VectorStoreList,
    VectorStores,
)
from dinrail_core.errors import InvalidRequest, ModelNotFound, NothingServes
from dinrail_core.hooks.http import Exchange, Route
from dinrail_server.routes.may_use import check_model, check_strategy

__all__ = ["ROUTES"]

_TAG = "Vector stores"
_STORE = "/v1/vector_stores/{vector_store_id}"
_FILE = f"{_STORE}/files/{{file_id}}"
_BATCH = f"{_STORE}/file_batches/{{batch_id}}"
_PLAIN_RANKERS = frozenset({"auto", "default-2024-11-15", "none", "rrf", "weighted"})


async def _stores(exchange: Exchange) -> VectorStores:
    return await exchange.rail.service(VectorStores)


def _store_id(exchange: Exchange) -> str:
    return exchange.path["vector_store_id"]


async def _create(exchange: Exchange) -> Answer[VectorStore]:
    # The specification does not ask for a body.
    request = await exchange.decode(CreateVectorStore) if await exchange.read() else CreateVectorStore()
    await check_model(exchange, Embedder, request.embedding_model, "embedding_model")
    await check_strategy(exchange, request.chunking_strategy)
    provider = request.provider_id
    if isinstance(provider, str) and provider not in exchange.rail.instances(VectorIndex):
        raise InvalidRequest(f"There is no vector database '{provider}'.", param="provider_id")
    return await (await _stores(exchange)).create(request, exchange.call)


async def _list(exchange: Exchange) -> Answer[VectorStoreList]:
    query = exchange.parameters(ListQuery)
    return await (await _stores(exchange)).list(query, exchange.call)


async def _retrieve(exchange: Exchange) -> Answer[VectorStore]:
    return await (await _stores(exchange)).get(_store_id(exchange), exchange.call)


async def _update(exchange: Exchange) -> Answer[VectorStore]:
    request = await exchange.decode(UpdateVectorStore)
    await check_model(exchange, Embedder, request.embedding_model, "embedding_model")
    return await (await _stores(exchange)).update(_store_id(exchange), request, exchange.call)


async def _delete(exchange: Exchange) -> Answer[DeletedVectorStore]:
    return await (await _stores(exchange)).delete(_store_id(exchange), exchange.call)


async def _search(exchange: Exchange) -> Answer[SearchResults]:
    request = await exchange.decode(SearchRequest)
    ranking = request.ranking_options
    if isinstance(ranking, SearchRanking) and ranking.ranker not in _PLAIN_RANKERS:
        param = "ranking_options.ranker"
        try:
            await check_model(exchange, Reranker, ranking.ranker, param)
        except (ModelNotFound, NothingServes) as error:
            known = ", ".join(f"'{name}'" for name in sorted(_PLAIN_RANKERS))
            message = f"There is no ranker '{ranking.ranker}': take one of {known}, or a model that reranks."
            raise InvalidRequest(message, param=param) from error
    return await (await _stores(exchange)).search(_store_id(exchange), request, exchange.call)


async def _add_file(exchange: Exchange) -> Answer[StoreFile]:
    request = await exchange.decode(AddFile)
    await check_strategy(exchange, request.chunking_strategy)
    return await (await _stores(exchange)).add_file(_store_id(exchange), request, exchange.call)


async def _list_files(exchange: Exchange) -> Answer[StoreFileList]:
    query = exchange.parameters(ListStoreFilesQuery)
    return await (await _stores(exchange)).list_files(_store_id(exchange), query, exchange.call)


async def _retrieve_file(exchange: Exchange) -> Answer[StoreFile]:
    stores = await _stores(exchange)
    return await stores.get_file(_store_id(exchange), exchange.path["file_id"], exchange.call)


async def _update_file(exchange: Exchange) -> Answer[StoreFile]:
    request = await exchange.decode(UpdateStoreFile)
    stores = await _stores(exchange)
    return await stores.update_file(_store_id(exchange), exchange.path["file_id"], request, exchange.call)


async def _delete_file(exchange: Exchange) -> Answer[DeletedStoreFile]:
    stores = await _stores(exchange)
    return await stores.delete_file(_store_id(exchange), exchange.path["file_id"], exchange.call)


async def _file_content(exchange: Exchange) -> Answer[StoreFileContent]:
    stores = await _stores(exchange)
    return await stores.file_content(_store_id(exchange), exchange.path["file_id"], exchange.call)


async def _add_files(exchange: Exchange) -> Answer[StoreFileBatch]:
    request = await exchange.decode(AddFiles)
    await check_strategy(exchange, request.chunking_strategy)
    for number, file in enumerate(request.files if isinstance(request.files, list) else []):
        await check_strategy(exchange, file.chunking_strategy, f"files.{number}.chunking_strategy")
    return await (await _stores(exchange)).add_files(_store_id(exchange), request, exchange.call)


async def _retrieve_batch(exchange: Exchange) -> Answer[StoreFileBatch]:
    stores = await _stores(exchange)
    return await stores.get_batch(_store_id(exchange), exchange.path["batch_id"], exchange.call)


async def _cancel_batch(exchange: Exchange) -> Answer[StoreFileBatch]:
    stores = await _stores(exchange)
    return await stores.cancel_batch(_store_id(exchange), exchange.path["batch_id"], exchange.call)


async def _list_batch_files(exchange: Exchange) -> Answer[StoreFileList]:
    query = exchange.parameters(ListStoreFilesQuery)
    stores = await _stores(exchange)
    return await stores.list_batch_files(_store_id(exchange), exchange.path["batch_id"], query, exchange.call)


ROUTES = (
    Route(
        method="POST",
        path="/v1/vector_stores",
        handler=_create,
        summary="Make a vector store",
        tag=_TAG,
        creates=True,
        body=CreateVectorStore,
        answer=VectorStore,
    ),
    Route(
        method="GET",
        path="/v1/vector_stores",
        handler=_list,
        summary="List vector stores",
        tag=_TAG,
        query=ListQuery,
        answer=VectorStoreList,
    ),
    Route(
        method="GET",
        path=_STORE,
        handler=_retrieve,
        summary="Look at a vector store",
        tag=_TAG,
        answer=VectorStore,
    ),
    Route(
        method="POST",
        path=_STORE,
        handler=_update,
        summary="Change a vector store, or begin to embed it by another model",
        tag=_TAG,
        body=UpdateVectorStore,
        answer=VectorStore,
    ),
    Route(
        method="DELETE",
        path=_STORE,
        handler=_delete,
        summary="Delete a vector store; its files stay",
        tag=_TAG,
        answer=DeletedVectorStore,
    ),
    Route(
        method="POST",
        path=f"{_STORE}/search",
        handler=_search,
        summary="Search a vector store",
        tag=_TAG,
        asks=True,
        body=SearchRequest,
        answer=SearchResults,
    ),
    Route(
        method="POST",
        path=f"{_STORE}/files",
        handler=_add_file,
        summary="Take a file into a vector store",
        tag=_TAG,
        creates=True,
        body=AddFile,
        answer=StoreFile,
    ),
    Route(
        method="GET",
        path=f"{_STORE}/files",
        handler=_list_files,
        summary="List a vector store's files",
        tag=_TAG,
        query=ListStoreFilesQuery,
        answer=StoreFileList,
    ),
    Route(
        method="GET",
        path=_FILE,
        handler=_retrieve_file,
        summary="Look at a file of a vector store",
        tag=_TAG,
        answer=StoreFile,
    ),
    Route(
        method="POST",
        path=_FILE,
        handler=_update_file,
        summary="Change the attributes of a file of a vector store",
        tag=_TAG,
        body=UpdateStoreFile,
        answer=StoreFile,
    ),
    Route(
        method="DELETE",
        path=_FILE,
        handler=_delete_file,
        summary="Take a file out of a vector store",
        tag=_TAG,
        answer=DeletedStoreFile,
    ),
    Route(
        method="GET",
        path=f"{_FILE}/content",
        handler=_file_content,
        summary="Read what was read out of a file",
        tag=_TAG,
        answer=StoreFileContent,
    ),
    Route(
        method="POST",
        path=f"{_STORE}/file_batches",
        handler=_add_files,
        summary="Take several files into a vector store",
        tag=_TAG,
        creates=True,
        body=AddFiles,
        answer=StoreFileBatch,
    ),
    Route(
        method="GET",
        path=_BATCH,
        handler=_retrieve_batch,
        summary="Look at a batch of files",
        tag=_TAG,
        answer=StoreFileBatch,
    ),
    Route(
        method="POST",
        path=f"{_BATCH}/cancel",
        handler=_cancel_batch,
        summary="Stop taking in a batch of files",
        tag=_TAG,
        answer=StoreFileBatch,
    ),
    Route(
        method="GET",
        path=f"{_BATCH}/files",
        handler=_list_batch_files,
        summary="List the files of a batch",
        tag=_TAG,
        query=ListStoreFilesQuery,
        answer=StoreFileList,
    ),
)
