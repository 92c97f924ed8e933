"""Tokens of IBM's cloud, which a key is exchanged for (IAM, ``POST /identity/token``)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import orjson

from dinrail_core.api.call import Call
from dinrail_core.errors import RateLimited, RequestError, UpstreamInvalid, UpstreamRefused, UpstreamUnavailable
from dinrail_sdk.upstream import KeySource, Upstream, UpstreamConfig, connect

if TYPE_CHECKING:
    from dinrail_watsonx.plugin import WatsonxConfig

__all__ = ["CloudTokens", "cloud_tokens"]

_GRANT = "urn:ibm:params:oauth:grant-type:apikey"
_FORM = "application/x-www-form-urlencoded"
_USED = 0.8
"""The part of a token's life in which it is used: the rest is for requests under way and for clocks."""
_PATIENCE = 30.0
"""Seconds for fetching one."""


class CloudTokens:
    """Access tokens for one key, fetched when they are needed and shared by all who ask meanwhile.

    Args:
        upstream: The cloud's server for tokens.
        key: A key of the cloud.
        now: Seconds of a clock that does not go back.
    """

    def __init__(self, upstream: Upstream, key: str, now: Callable[[], float]) -> None:
        self._upstream = upstream
        self._now = now
        self._form = urlencode({"grant_type": _GRANT, "apikey": key}).encode()
        self._lock = asyncio.Lock()
        self._token = ""
        self._until = float("-inf")

    async def current(self) -> str:
        """A token that is good now.

        Raises:
            UpstreamRefused: The key is not good.
            UpstreamError: The server for tokens cannot be reached, or answers otherwise.
        """
        if self._now() >= self._until:
            async with self._lock:
                if self._now() >= self._until:
                    await self._renew()
        return self._token

    async def _renew(self) -> None:
        asked = self._now()
        try:
            text = await self._upstream.post("identity/token", self._form, Call(), content_type=_FORM)
        except RateLimited as error:
            raise UpstreamUnavailable("IBM Cloud gives out no tokens now.", retry_after=error.retry_after) from None
        except (RequestError, UpstreamRefused):
            # Without the cloud's words, which may repeat the key.
            raise UpstreamRefused("IBM Cloud does not accept the api_key configured for watsonx.ai.") from None
        try:
            answer = orjson.loads(text)
            token, life = answer["access_token"], float(answer["expires_in"])
            if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
                raise TypeError
            if not 0 < life < 1e9:
                raise ValueError
        except (orjson.JSONDecodeError, LookupError, TypeError, ValueError):
            raise UpstreamInvalid("IBM Cloud's answer is not a token.") from None
        self._token, self._until = token, asked + life * _USED


@asynccontextmanager
async def cloud_tokens(config: WatsonxConfig) -> AsyncIterator[KeySource | None]:
    """Where the tokens for a configuration come from; ``None`` where it has no key."""
    if config.api_key is None:
        yield None
        return
    there = UpstreamConfig(base_url=config.iam_url, connect_timeout=config.connect_timeout, total_timeout=_PATIENCE)
    async with connect(there) as upstream:
        yield CloudTokens(upstream, config.api_key.get_secret_value(), asyncio.get_running_loop().time).current
