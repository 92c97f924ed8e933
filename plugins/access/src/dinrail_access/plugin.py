"""Declares the services ``access`` and ``api-keys``, the routes under ``/v1/admin/keys`` and the command ``keys``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from pydantic import BaseModel

from dinrail_access.commands import KEYS
from dinrail_access.config import AccessConfig
from dinrail_core.api.access import Authenticator
from dinrail_core.api.api_keys import ApiKeys
from dinrail_core.hooks import Command, Context, Route, RouteGroup, ServiceType, hookimpl
from dinrail_sdk.sql.contract import Database

DINRAIL_API = ">=1.0,<2"


class ApiKeysConfig(BaseModel, extra="forbid", defer_build=True):
    """Nothing to configure: keys are rows of the database."""


@asynccontextmanager
async def _open(config: AccessConfig, context: Context) -> AsyncIterator[object]:
    from dinrail_access.service import open_access

    async with open_access(config, context) as service:
        yield service


@asynccontextmanager
async def _open_keys(config: ApiKeysConfig, context: Context) -> AsyncIterator[object]:
    from dinrail_access.service import key_store_class

    database = await context.rail.service(Database)
    yield (await asyncio.to_thread(key_store_class))(database)


ACCESS = ServiceType(
    name="access",
    config=AccessConfig,
    # It requires no database: a server for the one user of a machine must not load any. It asks whether one is in use.
    provides=frozenset({Authenticator}),
    open=_open,
    eager=lambda config, context: True,
    summary="Who may use the server, and how much",
)

API_KEYS = ServiceType(
    name="api-keys",
    config=ApiKeysConfig,
    provides=frozenset({ApiKeys}),
    requires=frozenset({Database}),
    open=_open_keys,
    summary="API keys in the database",
)


def _routes() -> Iterable[Route]:
    from dinrail_access.routes import ROUTES

    return ROUTES


@hookimpl
def dinrail_services() -> Iterable[ServiceType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_services`."""
    yield ACCESS
    yield API_KEYS


@hookimpl
def dinrail_routes() -> Iterable[RouteGroup]:
    """See :func:`dinrail_core.hooks.specs.dinrail_routes`."""
    yield RouteGroup(under="/v1/admin/keys", load=_routes)


@hookimpl
def dinrail_commands() -> Iterable[Command]:
    """See :func:`dinrail_core.hooks.specs.dinrail_commands`."""
    yield KEYS
