"""A client for model servers that speak JSON and server-sent events over HTTP.

::

    async with connect(config) as upstream:
        answer = await upstream.answer(ChatCompletion, "chat/completions", body, call)

Importing this package is cheap: the HTTP engine is loaded by :func:`connect`.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from dinrail_sdk.upstream.config import BaseUrl, HeaderSecret, Seconds, UpstreamConfig
from dinrail_sdk.upstream.events import Events, ReportedError
from dinrail_sdk.upstream.interface import Authorize, Upstream, bearer

__all__ = [
    "Authorize",
    "BaseUrl",
    "Events",
    "HeaderSecret",
    "ReportedError",
    "Seconds",
    "Upstream",
    "UpstreamConfig",
    "bearer",
    "connect",
]


def connect(
    config: UpstreamConfig, *, user_agent: str = "dinrail", authorize: Authorize = bearer
) -> AbstractAsyncContextManager[Upstream]:
    """Open a pool of connections to an upstream; nothing is sent until something is asked.

    Args:
        config: Where it is, its key and its limits.
        user_agent: How we introduce ourselves.
        authorize: How the key is sent, for servers that do not take a bearer token.
    """
    from dinrail_sdk.upstream.client import open_client

    return open_client(config, user_agent=user_agent, authorize=authorize)
