"""Declares the ``database`` service and the command ``db``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Annotated

from pydantic import BaseModel, Field

from dinrail_core.hooks import Context, Secret, ServiceType, hookimpl
from dinrail_sdk.sql.contract import Database

DINRAIL_API = ">=1.0,<2"

FILE = "dinrail.db"


class DatabaseConfig(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """Where rows are kept."""

    url: Secret | None = None
    """`postgresql://user:password@host/name`; without it, one SQLite file in the data folder."""
    lock_timeout: Annotated[float, Field(gt=0, le=60)] = 5.0
    """Seconds that work waits for a lock that somebody else holds, before it is a 503."""
    connections: Annotated[int, Field(ge=1, le=1000)] = 10
    """Connections to PostgreSQL per process, or threads that read from SQLite."""


@asynccontextmanager
async def _open(config: DatabaseConfig, context: Context) -> AsyncIterator[object]:
    if config.url is None:
        from dinrail_database.sqlite import open_sqlite

        async with open_sqlite(context.folder() / FILE, config.lock_timeout, config.connections) as sqlite:
            yield sqlite
    else:
        from dinrail_database.postgresql import open_postgresql

        url = config.url.get_secret_value()
        async with open_postgresql(url, config.lock_timeout, config.connections) as postgresql:
            yield postgresql


def _eager(config: DatabaseConfig, context: Context) -> bool:
    """A store that is configured or that has something in it is looked at before anything is served from it."""
    return config.url is not None or (context.data_dir / FILE).exists()


DATABASE = ServiceType(
    name="database",
    config=DatabaseConfig,
    provides=frozenset({Database}),
    open=_open,
    eager=_eager,
    summary="Rows in SQLite or PostgreSQL",
)


@hookimpl
def dinrail_services() -> Iterable[ServiceType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_services`."""
    yield DATABASE
