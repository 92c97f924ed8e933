"""Declares the command ``new-plugin``."""

from __future__ import annotations

from collections.abc import Iterable

from dinrail_core.hooks.markers import hookimpl
from dinrail_core.hooks.records import Command
from dinrail_sdk.scaffold.command import NEW_PLUGIN

__all__ = ["DINRAIL_API", "dinrail_commands"]

DINRAIL_API = ">=1.0,<2"


@hookimpl
def dinrail_commands() -> Iterable[Command]:
    """See :func:`dinrail_core.hooks.specs.dinrail_commands`."""
    yield NEW_PLUGIN
