"""``/v1/prompts``."""

from __future__ import annotations

from dinrail_core.api.answers import Answer
from dinrail_core.api.pages import ListQuery
from dinrail_core.api.prompts import (
    CreatePrompt,
    Prompt,
    PromptList,
    PromptQuery,
    Prompts,
    SetDefaultVersion,
    UpdatePrompt,
)
from dinrail_core.errors import InvalidRequest
from dinrail_core.hooks.http import Exchange, Reply, Route

__all__ = ["ROUTES"]

_TAG = "Prompts"


async def _create(exchange: Exchange) -> Answer[Prompt]:
    request = await exchange.decode(CreatePrompt)
    prompts = await exchange.rail.service(Prompts)
    return await prompts.create(request, exchange.call)


async def _list(exchange: Exchange) -> Answer[PromptList]:
    page = exchange.parameters(ListQuery)
    prompts = await exchange.rail.service(Prompts)
    return await prompts.list(page, exchange.call)


async def _retrieve(exchange: Exchange) -> Answer[Prompt]:
    version = exchange.parameters(PromptQuery).version
    prompts = await exchange.rail.service(Prompts)
    wanted = version if isinstance(version, int) else None
    return await prompts.get(exchange.path["prompt_id"], wanted, exchange.call)


async def _versions(exchange: Exchange) -> Answer[PromptList]:
    prompts = await exchange.rail.service(Prompts)
    return await prompts.versions(exchange.path["prompt_id"], exchange.call)


async def _update(exchange: Exchange) -> Answer[Prompt]:
    request = await exchange.decode(UpdatePrompt)
    prompts = await exchange.rail.service(Prompts)
    return await prompts.update(exchange.path["prompt_id"], request, exchange.call)


async def _set_default(exchange: Exchange) -> Answer[Prompt]:
    request = await exchange.decode(SetDefaultVersion)
    prompts = await exchange.rail.service(Prompts)
    return await prompts.set_default(exchange.path["prompt_id"], request.version, exchange.call)


async def _delete(exchange: Exchange) -> Reply:
    if "version" in exchange.query:  # as with the other operations; whoever says it does not mean all of them
        raise InvalidRequest("A prompt is deleted with all its versions; leave 'version' out.", param="version")
    prompts = await exchange.rail.service(Prompts)
    await prompts.delete(exchange.path["prompt_id"], exchange.call)
    return Reply(status=204)


ROUTES = (
    Route(
        method="POST",
        path="/v1/prompts",
        handler=_create,
        summary="Keep a prompt",
        tag=_TAG,
        creates=True,
        body=CreatePrompt,
        answer=Prompt,
    ),
    Route(
        method="GET",
        path="/v1/prompts",
        handler=_list,
        summary="List prompts, each as its default version",
        tag=_TAG,
        query=ListQuery,
        answer=PromptList,
    ),
    Route(
        method="GET",
        path="/v1/prompts/{prompt_id}",
        handler=_retrieve,
        summary="Look at a version of a prompt",
        tag=_TAG,
        query=PromptQuery,
        answer=Prompt,
    ),
    Route(
        method="GET",
        path="/v1/prompts/{prompt_id}/versions",
        handler=_versions,
        summary="List the versions of a prompt",
        tag=_TAG,
        answer=PromptList,
    ),
    Route(
        method="PUT",
        path="/v1/prompts/{prompt_id}",
        handler=_update,
        summary="Keep a new version of a prompt",
        tag=_TAG,
        body=UpdatePrompt,
        answer=Prompt,
    ),
    Route(
        method="PUT",
        path="/v1/prompts/{prompt_id}/set-default-version",
        handler=_set_default,
        summary="Choose the version that is used where none is named",
        tag=_TAG,
        body=SetDefaultVersion,
        answer=Prompt,
    ),
    Route(
        method="DELETE",
        path="/v1/prompts/{prompt_id}",
        handler=_delete,
        summary="Delete a prompt with all its versions",
        tag=_TAG,
        status=204,
    ),
)
