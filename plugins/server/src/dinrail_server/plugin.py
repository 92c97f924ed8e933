"""Declares the server: its routes, its section of the configuration, and the commands ``serve`` and ``chat``."""

from __future__ import annotations

from collections.abc import Iterable

from dinrail_core.hooks.http import Route, RouteGroup
from dinrail_core.hooks.markers import hookimpl
from dinrail_core.hooks.records import Command, Section

__all__ = ["DINRAIL_API", "dinrail_commands", "dinrail_routes", "dinrail_sections"]

DINRAIL_API = ">=1.0,<2"


@hookimpl
def dinrail_routes() -> Iterable[Route | RouteGroup]:
    """The operations of OpenAI's API that the core has contracts for, and the server's own."""
    from dinrail_server.routes import ROUTES  # not needed for `dinrail --help`

    return ROUTES


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
