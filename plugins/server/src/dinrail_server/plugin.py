"""Declares the server: its routes, its section of the configuration, the service ``operations``, and its commands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from pydantic import BaseModel

from dinrail_core.api.operations import Operations
from dinrail_core.hooks.context import Context
from dinrail_core.hooks.http import Route, RouteGroup
from dinrail_core.hooks.markers import hookimpl
from dinrail_core.hooks.records import Command, Section, ServiceType
from dinrail_server.contract import Counted

__all__ = ["DINRAIL_API", "dinrail_commands", "dinrail_routes", "dinrail_sections", "dinrail_services"]

DINRAIL_API = ">=1.0,<2"


class OperationsConfig(BaseModel, extra="forbid", defer_build=True):
    """Nothing to configure: the operations are the server's."""


@asynccontextmanager
async def _open_operations(config: OperationsConfig, context: Context) -> AsyncIterator[object]:
    from dinrail_server.operations import ServerOperations

    yield await ServerOperations.over(context.rail)


OPERATIONS = ServiceType(
    name="operations",
    config=OperationsConfig,
    provides=frozenset({Operations, Counted}),
    open=_open_operations,
    summary="The server's operations without HTTP",
)


@hookimpl
def dinrail_routes() -> Iterable[Route | RouteGroup]:
    """The operations of OpenAI's API that the core has contracts for, and the server's own."""
    from dinrail_server.routes import ROUTES  # not needed for `dinrail --help`

    return ROUTES


@hookimpl
def dinrail_services() -> Iterable[ServiceType]:
    """What performs operations for work behind requests."""
    yield OPERATIONS


@hookimpl
def dinrail_sections() -> Iterable[Section]:
    """``[server]``."""
    from dinrail_server.config import ServerConfig

    yield Section(name="server", config=ServerConfig)


@hookimpl
def dinrail_commands() -> Iterable[Command]:
    """``dinrail serve`` and ``dinrail chat``."""
    from dinrail_server.commands import COMMANDS

    return COMMANDS
