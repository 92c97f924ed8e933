"""Declares the operations under ``/v1/messages``."""

from __future__ import annotations

from collections.abc import Iterable

from dinrail_core.errors import DinrailError
from dinrail_core.hooks import hookimpl
from dinrail_core.hooks.http import Route, RouteGroup

__all__ = ["DINRAIL_API", "dinrail_routes"]

DINRAIL_API = ">=1.0,<2"


def _routes() -> Iterable[Route]:
    from dinrail_anthropic_api.routes import ROUTES

    return ROUTES


def _refusal(error: DinrailError, request_id: str) -> bytes:
    from dinrail_anthropic_api.refusals import refusal

    return refusal(error, request_id)


@hookimpl
def dinrail_routes() -> Iterable[RouteGroup]:
    """See :func:`dinrail_core.hooks.specs.dinrail_routes`."""
    yield RouteGroup(under="/v1/messages", load=_routes, refusal=_refusal)
