"""``/v1/admin/keys``: what ``dinrail keys`` does, for callers with the role ``admin``."""

from typing import Annotated

from dinrail_core.api.answers import Answer
from dinrail_core.api.api_keys import ApiKey, ApiKeyList, ApiKeys, CreateApiKey, CreatedApiKey
from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.pages import ListQuery
from dinrail_core.api.wire import Wire
from dinrail_core.errors import PermissionDenied
from dinrail_core.hooks import Exchange, Route

__all__ = ["ADMIN", "ROUTES", "DeletedApiKey"]

ADMIN = "admin"
"""The role whose callers may manage the keys of every tenant."""

_TAG = "Administration"
_KEYS = "/v1/admin/keys"


class DeletedApiKey(Wire):
    """A key that was taken back."""

    id: str
    object: Annotated[str, OpenEnum("api_key.deleted")] = "api_key.deleted"
    deleted: bool = True


async def _create(exchange: Exchange) -> Answer[CreatedApiKey]:
    keys = await _for_admin(exchange)
    return Answer.of(await keys.create(await exchange.decode(CreateApiKey), exchange.call))


async def _list(exchange: Exchange) -> Answer[ApiKeyList]:
    keys = await _for_admin(exchange)
    return Answer.of(await keys.list(exchange.parameters(ListQuery), exchange.call))


async def _retrieve(exchange: Exchange) -> Answer[ApiKey]:
    keys = await _for_admin(exchange)
    return Answer.of(await keys.get(exchange.path["key_id"], exchange.call))


async def _revoke(exchange: Exchange) -> Answer[DeletedApiKey]:
    keys = await _for_admin(exchange)
    return Answer.of(DeletedApiKey(id=(await keys.revoke(exchange.path["key_id"], exchange.call)).id))


async def _for_admin(exchange: Exchange) -> ApiKeys:
    """The keys, for those who may manage them.

    The one user of a server without identity has no role: the first key is made at the command line, so that no page in
    a browser can make a server ask everybody for keys that only it has.

    Raises:
        PermissionDenied: The caller is no administrator.
    """
    if ADMIN not in exchange.call.principal.roles:
        raise PermissionDenied(
            f"Keys are managed by callers with the role '{ADMIN}', or at the server's command line (dinrail keys)."
        )
    return await exchange.rail.service(ApiKeys)


ROUTES = (
    Route(
        method="POST",
        path=_KEYS,
        handler=_create,
        summary="Make an API key; the answer shows it, and nothing ever will again",
        tag=_TAG,
        body=CreateApiKey,
        answer=CreatedApiKey,
    ),
    Route(
        method="GET",
        path=_KEYS,
        handler=_list,
        summary="List the API keys of all tenants",
        tag=_TAG,
        query=ListQuery,
        answer=ApiKeyList,
    ),
    Route(
        method="GET",
        path=f"{_KEYS}/{{key_id}}",
        handler=_retrieve,
        summary="Look at an API key",
        tag=_TAG,
        answer=ApiKey,
    ),
    Route(
        method="DELETE",
        path=f"{_KEYS}/{{key_id}}",
        handler=_revoke,
        summary="Take an API key back; it is refused within five seconds",
        tag=_TAG,
        answer=DeletedApiKey,
    ),
)
