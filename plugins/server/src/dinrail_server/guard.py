"""Web pages must not use a visitor's browser to reach a server that listens for this machine alone.

A page can post to an address of the local machine without asking (a body without a content type needs no preflight),
and after its own name was made to point at 127.0.0.1 it can read the answers too. So an ``Origin`` that is neither
allowed nor the server's own may change nothing, and on a loopback address the ``Host`` must be an address,
``localhost`` or a name that the operator gave.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from multidict import CIMultiDict

from dinrail_core.errors import PermissionDenied
from dinrail_server.config import ServerConfig, is_loopback

__all__ = ["Guard"]

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_EXPOSED = "x-request-id, retry-after, idempotent-replayed"
_REMEMBERED = 1_000


class Guard:
    """Checks ``Host`` and ``Origin``, and answers what browsers ask about cross-origin requests (WHATWG Fetch, 3.2).

    Args:
        config: The server's configuration.
    """

    def __init__(self, config: ServerConfig) -> None:
        self._names = frozenset(name.lower() for name in config.hosts)
        self._check_host = is_loopback(config.host) and "*" not in self._names
        self._cors = config.cors
        self._good_hosts: set[str] = set()

    def check(self, method: str, headers: Mapping[str, str], out: CIMultiDict[str]) -> None:
        """Refuse what a foreign page may have sent, and tell the browser of an allowed one that it may read the answer.

        Args:
            method: The request's method.
            headers: The request's headers.
            out: Where the answer's headers go.

        Raises:
            PermissionDenied: The name or the origin is not allowed.
        """
        if self._check_host:
            host = headers.get("Host", "")
            if host not in self._good_hosts:
                self._look_at_host(host)
        if self._cors is not None:
            out["vary"] = "origin"
        origin = headers.get("Origin")
        if origin is None:
            return
        if self._is_listed(origin):
            out["access-control-allow-origin"] = origin
            out["access-control-expose-headers"] = _EXPOSED
        elif method not in _SAFE and origin.partition("://")[2] != headers.get("Host"):
            raise PermissionDenied(
                f"Web pages of {origin[:200]} may not call this server; the operator can allow it: "
                f'[server.cors] origins = ["{origin[:200]}"].',
                code="origin_not_allowed",
            )

    def preflight(self, request_headers: Mapping[str, str], methods: str, out: CIMultiDict[str]) -> bool:
        """Answer a preflight request, if that is what it is and the origin may know.

        Args:
            request_headers: The request's headers.
            methods: The methods that the path has.
            out: Where the answer's headers go.
        """
        origin = request_headers.get("Origin")
        if self._cors is None or origin is None or not self._is_listed(origin):
            return False
        if "Access-Control-Request-Method" not in request_headers:
            return False
        wanted = request_headers.get("Access-Control-Request-Headers", "")
        out["access-control-allow-methods"] = methods
        out["access-control-allow-headers"] = ", ".join(self._cors.headers) or wanted
        out["access-control-max-age"] = str(self._cors.max_age)
        return True

    def _is_listed(self, origin: str) -> bool:
        return self._cors is not None and (origin in self._cors.origins or "*" in self._cors.origins)

    def _look_at_host(self, host: str) -> None:
        name = _name(host)
        if not (_is_address(name) or is_loopback(name) or name.endswith(".localhost") or name in self._names):
            raise PermissionDenied(
                f"This server may not be called as '{name[:200]}'; the operator can allow it: "
                f'[server] hosts = ["{name[:200]}"].',
                code="host_not_allowed",
            )
        if len(self._good_hosts) < _REMEMBERED:
            self._good_hosts.add(host)


def _name(host: str) -> str:
    """The name of a ``Host`` header, without port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].rstrip(".").lower()


def _is_address(name: str) -> bool:
    if not name:
        return True  # HTTP/1.0 knows no Host, and a browser always sends one
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
