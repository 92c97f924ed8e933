"""The public keys of an issuer of tokens: fetched, remembered, fetched again when they have changed."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar
from jwt import PyJWK, PyJWKError
from jwt.exceptions import InvalidKeyError

from dinrail_access.config import IssuerConfig
from dinrail_core.errors import Unavailable

__all__ = ["IssuerKeys"]

_LOG = logging.getLogger("dinrail.access")

_FRESH = 3600.0
"""Seconds after which the keys are looked at again although nothing seems to be amiss."""
_PAUSE = 10.0
"""Seconds between two looks at least: whoever sends tokens with made-up keys must not make us ask each time."""
_TIMEOUT = ClientTimeout(total=5.0)
_LARGEST = 1024 * 1024
_MOST = 100
_DISCOVERY = "/.well-known/openid-configuration"

_FAMILIES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}


class IssuerKeys:
    """The keys of one issuer.

    Args:
        config: The issuer.
        session: Asks.
    """

    def __init__(self, config: IssuerConfig, session: ClientSession) -> None:
        self._config = config
        self._session = session
        self._keys: Sequence[Mapping[str, Any]] = ()
        self._made: dict[tuple[str | None, str], PyJWK] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._reason = ""
        self._look: asyncio.Task[None] | None = None

    @staticmethod
    def session() -> ClientSession:
        """A client for the addresses that the operator configured; it follows no redirect and keeps no cookie."""
        return ClientSession(timeout=_TIMEOUT, cookie_jar=DummyCookieJar(), auto_decompress=True)

    async def find(self, kid: str | None, algorithm: str) -> PyJWK | None:
        """The key that a token says it was signed with, or ``None`` where the issuer has no such key.

        Args:
            kid: The token's word for the key.
            algorithm: The token's algorithm, one of those that are accepted.

        Raises:
            Unavailable: No keys are known, and the issuer cannot be asked.
        """
        now = time.monotonic()
        if now - self._fetched_at > _FRESH and now - self._tried_at > _PAUSE:
            look = self._refresh()
            if not self._keys:
                await asyncio.shield(look)
        elif not self._keys and self._look is not None:
            await asyncio.shield(self._look)
        key = self._known(kid, algorithm)
        if key is None and self._keys and time.monotonic() - self._tried_at > _PAUSE:
            await asyncio.shield(self._refresh())  # the issuer may have new ones
            key = self._known(kid, algorithm)
        if key is None and not self._keys:
            raise Unavailable(f"Tokens of {self._config.issuer} cannot be checked at present.", retry_after=_PAUSE)
        return key

    async def close(self) -> None:
        """Ask no more."""
        if self._look is not None:
            self._look.cancel()
            await asyncio.wait({self._look})

    def _known(self, kid: str | None, algorithm: str) -> PyJWK | None:
        made = self._made.get((kid, algorithm))
        if made is not None:
            return made
        fitting = [key for key in self._keys if _fits(key, algorithm) and (kid is None or key.get("kid") == kid)]
        if len(fitting) != 1:
            return None  # none, or a token that does not say which of several
        try:
            made = PyJWK(dict(fitting[0]), algorithm=algorithm)
        except (PyJWKError, InvalidKeyError, ValueError, KeyError) as error:
            _LOG.warning("a key of %s cannot be used (%s)", self._config.issuer, type(error).__name__)
            return None
        self._made[kid, algorithm] = made
        return made

    def _refresh(self) -> asyncio.Task[None]:
        """Ask now; those who want it at once share one look."""
        if self._look is None or self._look.done():
            self._tried_at = time.monotonic()
            self._look = asyncio.create_task(self._fetch(), name="dinrail-jwks")
        return self._look

    async def _fetch(self) -> None:
        try:
            keys = await self._ask()
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            # The last keys stay: an issuer that is down for an hour must not lock everybody out.
            _LOG.warning("the keys of %s cannot be had (%s)", self._config.issuer, str(error) or type(error).__name__)
            return
        self._keys, self._made, self._fetched_at = keys, {}, time.monotonic()

    async def _ask(self) -> Sequence[Mapping[str, Any]]:
        url = self._config.jwks_url
        where = url if url is not None else await self._discover()
        document = await self._get(where)
        keys = document.get("keys")
        if not isinstance(keys, list):
            raise ValueError("the answer is no JWKS")
        return [key for key in keys[:_MOST] if isinstance(key, dict)]

    async def _discover(self) -> str:
        """Where the keys are (OpenID Connect Discovery 1.0, section 4)."""
        document = await self._get(self._config.issuer.rstrip("/") + _DISCOVERY)
        if document.get("issuer") != self._config.issuer:
            raise ValueError("it describes another issuer")
        url = document.get("jwks_uri")
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            raise ValueError("it names no keys")
        if self._config.issuer.startswith("https://") and not url.startswith("https://"):
            raise ValueError("it names keys that would come unprotected")
        return url

    async def _get(self, url: str) -> Mapping[str, Any]:
        async with self._session.get(url, allow_redirects=False) as response:
            if response.status != 200:
                raise ValueError(f"status {response.status}")
            body = await response.content.read(_LARGEST + 1)
            while len(body) <= _LARGEST and (more := await response.content.read(_LARGEST)):
                body += more
        if len(body) > _LARGEST:
            raise ValueError("the answer is too large")
        document = json.loads(body)
        if not isinstance(document, dict):
            raise ValueError("the answer is no object")
        return document


def _fits(key: Mapping[str, Any], algorithm: str) -> bool:
    """Whether a key may be used with an algorithm; a shared secret (``oct``) never may."""
    return (
        key.get("kty") == _FAMILIES[algorithm[:2]]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (algorithm not in _CURVES or key.get("crv") == _CURVES[algorithm])
    )
