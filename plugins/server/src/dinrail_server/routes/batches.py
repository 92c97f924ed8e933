"""``/v1/batches``."""

from __future__ import annotations

from dinrail_core.api.answers import Answer
from dinrail_core.api.batches import Batch, Batches, BatchList, CreateBatch, ListBatchesQuery
from dinrail_core.hooks.http import Exchange, Route

__all__ = ["ROUTES"]

_TAG = "Batch"


async def _create(exchange: Exchange) -> Answer[Batch]:
    request = await exchange.decode(CreateBatch)
    batches = await exchange.rail.service(Batches)
    return await batches.create(request, exchange.call)


async def _list(exchange: Exchange) -> Answer[BatchList]:
    query = exchange.parameters(ListBatchesQuery)
    batches = await exchange.rail.service(Batches)
    return await batches.list(query, exchange.call)


async def _retrieve(exchange: Exchange) -> Answer[Batch]:
    batches = await exchange.rail.service(Batches)
    return await batches.get(exchange.path["batch_id"], exchange.call)


async def _cancel(exchange: Exchange) -> Answer[Batch]:
    batches = await exchange.rail.service(Batches)
    return await batches.cancel(exchange.path["batch_id"], exchange.call)


ROUTES = (
    Route(
        method="POST",
        path="/v1/batches",
        handler=_create,
        summary="Begin a batch",
        tag=_TAG,
        creates=True,
        body=CreateBatch,
        answer=Batch,
    ),
    Route(
        method="GET",
        path="/v1/batches",
        handler=_list,
        summary="List batches",
        tag=_TAG,
        query=ListBatchesQuery,
        answer=BatchList,
    ),
    Route(
        method="GET",
        path="/v1/batches/{batch_id}",
        handler=_retrieve,
        summary="Look at a batch",
        tag=_TAG,
        answer=Batch,
    ),
    Route(
        method="POST",
        path="/v1/batches/{batch_id}/cancel",
        handler=_cancel,
        summary="Cancel a batch",
        tag=_TAG,
        answer=Batch,
    ),
)
