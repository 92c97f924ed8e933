"""An issuer of tokens that publishes its keys, and signs whatever a test wants."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

__all__ = ["AUDIENCE", "Issuer"]

AUDIENCE = "dinrail"

_ALGORITHMS: dict[str, Any] = {
    "RS256": jwt.algorithms.RSAAlgorithm,
    "PS256": jwt.algorithms.RSAAlgorithm,
    "ES256": jwt.algorithms.ECAlgorithm,
    "ES384": jwt.algorithms.ECAlgorithm,
    "EdDSA": jwt.algorithms.OKPAlgorithm,
}


@cache
def _private_key(algorithm: str, number: int) -> Any:
    """The n-th key of a kind; making one anew for every test would take most of the tests' time."""
    assert number >= 0
    match algorithm:
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "ES384":
            return ec.generate_private_key(ec.SECP384R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            return rsa.generate_private_key(65537, 2048)


class Issuer:
    """A server with a JWKS.

    Attributes:
        url: Its name, and where it listens.
        asked: Paths that were asked for.
        up: Whether it answers.
        published: The keys that it tells of.
    """

    def __init__(self, first: int = 0) -> None:
        self._next = first
        self.url = ""
        self.asked: list[str] = []
        self.up = True
        self.published: list[dict[str, Any]] = []
        self.discovery: dict[str, Any] | None = None
        self.body: bytes | None = None
        self._private: dict[str, tuple[Any, str]] = {}

    def add_key(self, kid: str, algorithm: str = "RS256", *, publish: bool = True, **more: Any) -> None:
        """Make a key."""
        private = _private_key(algorithm, self._next)
        self._next += 1
        self._private[kid] = (private, algorithm)
        public: dict[str, Any] = json.loads(_ALGORITHMS[algorithm].to_jwk(private.public_key()))
        if publish:
            self.published.append({**public, "kid": kid, "use": "sig", "alg": algorithm, **more})

    def public_pem(self, kid: str) -> bytes:
        """A public key as everybody can have it."""
        pem: bytes = self._private[kid][0].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem

    def claims(self, **more: Any) -> dict[str, Any]:
        """Good claims; ``None`` leaves one out."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "ann",
            "tenant": "acme",
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            **more,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(
        self, kid: str = "k1", *, headers: dict[str, Any] | None = None, without_kid: bool = False, **claims: Any
    ) -> str:
        """A token, signed with one of its keys."""
        private, algorithm = self._private[kid]
        header = {"alg": algorithm, **({} if without_kid else {"kid": kid}), **(headers or {})}
        parts = [_text(json.dumps(part).encode()) for part in (header, self.claims(**claims))]
        kind = jwt.get_algorithm_by_name(algorithm)
        # By hand, since the library refuses to make what nobody should.
        return b".".join([*parts, _text(kind.sign(b".".join(parts), kind.prepare_key(private)))]).decode()

    @classmethod
    @asynccontextmanager
    async def open(cls, first: int = 0) -> AsyncIterator[Issuer]:
        """Listen until the block is left; ``first`` numbers its keys, and equal numbers are equal keys."""
        issuer = cls(first)
        application = web.Application()
        application.router.add_get("/{path:.*}", issuer._answer)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # asyncio's server has it
        issuer.url = f"http://127.0.0.1:{port}"
        try:
            yield issuer
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if not self.up:
            return web.Response(status=503)
        if request.path == "/.well-known/openid-configuration":
            return web.json_response(self.discovery or {"issuer": self.url, "jwks_uri": f"{self.url}/keys"})
        if request.path == "/elsewhere":
            raise web.HTTPFound("/keys")
        if request.path != "/keys":
            return web.Response(status=404)
        if self.body is not None:
            return web.Response(body=self.body, content_type="application/json")
        return web.json_response({"keys": self.published})


def _text(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
