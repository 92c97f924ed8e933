"""Declares the ``database`` service and the command ``db``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Annotated

from pydantic import BaseModel, Field

from dinrail_core.hooks import Command, Context, Secret, ServiceType, hookimpl
from dinrail_database.commands import DB
from dinrail_database.schema import Schema
from dinrail_sdk.sql.contract import Database

DINRAIL_API = ">=1.0,<2"

FILE = "dinrail.db"


class DatabaseConfig(BaseModel, extra="forbid", defer_build=True):
    """Where rows are kept."""

    url: Secret | None = None
    """`postgresql://user:password@host/name`; without it, one SQLite file in the data folder."""
    lock_timeout: Annotated[float, Field(gt=0, le=60)] = 5.0
    """Seconds that work waits for a lock that somebody else holds, before it is a 503."""
    connections: Annotated[int, Field(ge=1, le=1000)] = 10
    """Connections to PostgreSQL per process, or threads that read from SQLite."""


@asynccontextmanager
async def _open(config: DatabaseConfig, context: Context) -> AsyncIterator[object]:
    from dinrail_database.stores import PostgreSQLStore, SQLiteStore, opened

    store: PostgreSQLStore | SQLiteStore
    if config.url is None:
        store = SQLiteStore(context.data_dir / FILE, config.lock_timeout, config.connections)
    else:
        store = PostgreSQLStore(config.url.get_secret_value(), config.lock_timeout, config.connections)
    async with opened(store, serving=context.serving):
        yield store


def _eager(config: DatabaseConfig, context: Context) -> bool:
    """A store that is configured or that has something in it is looked at before anything is served from it."""
    return config.url is not None or (context.data_dir / FILE).exists()


DATABASE = ServiceType(
    name="database",
    config=DatabaseConfig,
    provides=frozenset({Database, Schema}),
    open=_open,
    eager=_eager,
    summary="Rows in SQLite or PostgreSQL",
)


@hookimpl
def dinrail_services() -> Iterable[ServiceType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_services`."""
    yield DATABASE


@hookimpl
def dinrail_commands() -> Iterable[Command]:
    """See :func:`dinrail_core.hooks.specs.dinrail_commands`."""
    yield DB
