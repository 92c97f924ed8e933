"""A client for model servers that speak JSON and server-sent events over HTTP.

::

    async with connect(config) as upstream:
        answer = await upstream.answer(ChatCompletion, "chat/completions", body, call)

Importing this package is cheap: the HTTP engine is loaded by :func:`connect`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import MappingProxyType

from dinrail_sdk.upstream.config import BaseUrl, HeaderSecret, Responding, RespondingConfig, Seconds, UpstreamConfig
from dinrail_sdk.upstream.events import Events, ReportedError
from dinrail_sdk.upstream.framing import LINES, SSE, Framing
from dinrail_sdk.upstream.interface import Authorize, KeySource, Sign, Unsigned, Upstream, bearer

__all__ = [
    "LINES",
    "SSE",
    "Authorize",
    "BaseUrl",
    "Events",
    "Framing",
    "HeaderSecret",
    "KeySource",
    "ReportedError",
    "Responding",
    "RespondingConfig",
    "Seconds",
    "Sign",
    "Unsigned",
    "Upstream",
    "UpstreamConfig",
    "bearer",
    "connect",
]


_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def connect(
    config: UpstreamConfig,
    *,
    user_agent: str = "dinrail",
    authorize: Authorize = bearer,
    headers: Mapping[str, str] = _NO_HEADERS,
    key: KeySource | None = None,
    sign: Sign | None = None,
) -> AbstractAsyncContextManager[Upstream]:
    """Open a pool of connections to an upstream; nothing is sent until something is asked.

    Args:
        config: Where it is, its key and its limits.
        user_agent: How we introduce ourselves.
        authorize: How the key is sent, for servers that do not take a bearer token.
        headers: More headers for every request (a version of the API); those of the configuration go before them.
        key: Where the key comes from, for keys that expire; one in the configuration goes before it.
        sign: Signs requests that carry no key, neither a configured one nor the caller's.
    """
    from dinrail_sdk.upstream.client import open_client

    return open_client(config, user_agent=user_agent, authorize=authorize, more_headers=headers, key=key, sign=sign)
