"""``[server]``: where the server listens, and its limits."""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from dinrail_core.hooks.secrets import Secret

__all__ = ["CorsConfig", "ServerConfig", "TlsConfig", "is_loopback"]

_Seconds = Annotated[float, Field(gt=0, le=86_400)]


class TlsConfig(BaseModel):
    """``[server.tls]``: a certificate makes the server speak HTTPS."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    certificate: Path
    """PEM file with the certificate, its chain behind it."""
    key: Path
    """PEM file with the private key."""
    key_password: Secret | None = None
    """What the key is encrypted with, if it is."""


class CorsConfig(BaseModel):
    """``[server.cors]``: which web pages may call the server from a browser."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    origins: Annotated[tuple[str, ...], Field(min_length=1)]
    """Origins such as ``https://app.example.com``; ``*`` for any."""
    headers: tuple[str, ...] = ()
    """Request headers that pages may send; those that the preflight asks for where empty."""
    max_age: Annotated[int, Field(ge=0)] = 600
    """Seconds for which a browser may remember the answer."""

    @field_validator("origins")
    @classmethod
    def _refuse_paths(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            scheme, separator, host = origin.partition("://")
            if origin != "*" and (not separator or not scheme or not host or "/" in host):
                raise ValueError(f"'{origin}' is not an origin; write it like https://app.example.com")
        return value


class ServerConfig(BaseModel):
    """``[server]``."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    host: str = "127.0.0.1"
    """The address to listen on. One that other machines can reach needs authentication, or ``insecure``."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8321
    """The port; 0 takes a free one and prints it."""
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    """Processes that share the port."""
    insecure: bool = False
    """Listen on an address that other machines can reach although nobody has to authenticate."""
    authenticate: bool = False
    """Start only if callers have to authenticate, on a loopback address too; for a server behind a proxy."""
    hosts: tuple[str, ...] = ()
    """Names under which the server may be called (the ``Host`` header), beside addresses and ``localhost``. It matters
    on a loopback address, where it keeps web pages from reaching the server under names of their own; ``*`` for any."""

    max_body_bytes: Annotated[int, Field(ge=1024)] = 16 * 1024 * 1024
    """The largest body of a request, uncompressed."""
    max_header_bytes: Annotated[int, Field(ge=1024, le=1024 * 1024)] = 8190
    """The longest request line, and the longest single header."""
    max_headers: Annotated[int, Field(ge=8, le=10_000)] = 128
    """The most headers of a request."""

    request_timeout: _Seconds = 600.0
    """Seconds until an answer, streams included, is cut off."""
    header_timeout: _Seconds = 20.0
    """Seconds that a client may take for the head of a request once it has begun."""
    body_timeout: _Seconds = 60.0
    """Seconds that a client may take for the body of a request."""
    write_timeout: _Seconds = 60.0
    """Seconds for which a client may refuse to take more of an answer."""
    keepalive_timeout: _Seconds = 75.0
    """Seconds after which an idle connection is closed."""
    drain_timeout: Annotated[float, Field(ge=0, le=86_400)] = 30.0
    """Seconds that requests under way have left after SIGTERM."""
    backlog: Annotated[int, Field(ge=1)] = 1024
    """Connections that the kernel may hold until they are accepted."""

    access_log: bool = True
    """Whether each request is a line of JSON on the standard error stream; never with content."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe of the other log lines."""

    cors: CorsConfig | None = None
    """Which web pages may call the server; none without it."""
    tls: TlsConfig | None = None
    """HTTPS; HTTP without it."""


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name or an address) can be reached from this machine alone."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return False
