"""Putting the service together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dinrail_responses.attachments import Attachments
from dinrail_responses.background import Background
from dinrail_responses.entries import Entries
from dinrail_responses.loop import Bounds
from dinrail_responses.making import Maker, Sealing
from dinrail_responses.service import ResponseService
from dinrail_responses.store import Store
from dinrail_responses.tools.registry import kinds
from dinrail_sdk.outbound import OutboundClient

if TYPE_CHECKING:
    from dinrail_core.hooks import Context
    from dinrail_responses.plugin import ResponsesConfig
    from dinrail_sdk.sql.contract import Database

__all__ = ["assemble"]


def assemble(config: ResponsesConfig, context: Context, database: Database) -> ResponseService:
    """The service, ready."""
    rail, store = context.rail, Store(database)
    secret = config.secret.get_secret_value().encode() if config.secret is not None else None
    sealing = Sealing(secret, context.folder)
    bounds = Bounds(
        turns=config.max_turns,
        calls=config.max_calls,
        at_once=config.calls_at_once,
        told=config.max_tool_output,
        seconds=config.max_seconds,
    )
    maker = Maker(kinds(), Attachments(rail, OutboundClient(context.outbound)), sealing, bounds, context.outbound)
    background = Background(rail, store, Entries(database), maker)
    return ResponseService(rail, store, maker, background)
