"""Sockets and their end: binding, listening, draining."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from dinrail_core.errors import ConfigurationError
from dinrail_server.app import App
from dinrail_server.config import ServerConfig, TlsConfig
from dinrail_server.protocol import Listener
from dinrail_server.state import Phase

__all__ = ["Serving", "bind", "listening", "tls_context"]

_CANCELLED_WITHIN = 1.0
_HANDSHAKE = 10.0
_LAST_WORDS = 0.05
_LAST_ANSWERS = 1.0


def bind(config: ServerConfig) -> socket.socket:
    """Take the address, so that a second server fails at once and workers can share it.

    Raises:
        ConfigurationError: The address is unknown or taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise ConfigurationError(
            f"{config.host} is not an address of this machine ({error})", key="server.host"
        ) from None
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        # Listening at once makes a taken port an error of the start, and lets early clients wait instead of fail.
        sock.listen(config.backlog)
    except OSError as error:
        sock.close()
        where = f"{config.host}:{config.port}"
        raise ConfigurationError(f"cannot listen on {where} ({error.strerror or error})", key="server.port") from None
    sock.setblocking(False)
    return sock


def tls_context(config: TlsConfig | None) -> ssl.SSLContext | None:
    """What makes the server speak HTTPS, or ``None`` for HTTP.

    Raises:
        ConfigurationError: A file cannot be used.
    """
    if config is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    password = config.key_password.get_secret_value() if config.key_password is not None else ""
    try:
        context.load_cert_chain(config.certificate, config.key, password=lambda: password)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the certificate or its key cannot be used ({error})", key="server.tls") from None
    return context


class Serving:
    """A listening server.

    Attributes:
        app: What answers.
        url: Where clients find it, ``http://127.0.0.1:8321/v1``.
    """

    def __init__(self, app: App, config: ServerConfig, sock: socket.socket) -> None:
        self.app = app
        self.url = url_of(config, sock)
        self._config = config
        self._listener = Listener(
            app.handle,
            header_timeout=config.header_timeout,
            write_timeout=config.write_timeout,
            keepalive_timeout=config.keepalive_timeout,
            max_line_size=config.max_header_bytes,
            max_field_size=config.max_header_bytes,
            max_headers=config.max_headers,
            lingering_time=2.0,
            access_log=None,
        )
        self._server: asyncio.Server | None = None
        self._sock = sock

    async def start(self) -> None:
        """Accept connections."""
        context = tls_context(self._config.tls)
        self._server = await asyncio.get_running_loop().create_server(
            self._listener,
            sock=self._sock,
            ssl=context,
            ssl_handshake_timeout=_HANDSHAKE if context is not None else None,
            backlog=self._config.backlog,
        )

    async def drain(self, hurry: asyncio.Event) -> None:
        """Let requests under way end, for as long as the configuration gives them.

        The port stays open meanwhile: a probe of readiness is told 503 at once, and so is whoever comes late.

        Args:
            hurry: Ends the waiting.
        """
        self.app.phase = Phase.DRAINING
        hurried = asyncio.ensure_future(hurry.wait())
        ended = await self._wait_idle(hurried, self._config.drain_timeout)
        if self._server is not None:
            self._server.close()
        if ended:
            if self._listener.has_fresh:
                # Accepted, but not read yet: these are told 503 instead of nothing.
                await asyncio.wait({hurried}, timeout=_LAST_WORDS)
            await self._wait_idle(hurried, _LAST_ANSWERS)
        hurried.cancel()

    async def _wait_idle(self, hurried: asyncio.Future[Any], limit: float) -> bool:
        """Wait until no request is under way; returns whether it came to that in time."""
        idle: asyncio.Future[Any] = asyncio.ensure_future(self.app.flights.wait_idle())
        await asyncio.wait({idle, hurried}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        return idle.done() or not idle.cancel()

    async def stop(self) -> None:
        """Close the port, then what is left of connections."""
        if self._server is not None:
            self._server.close()
        self.app.flights.cancel()
        await self._listener.shutdown(_CANCELLED_WITHIN)
        await self.app.close()


@asynccontextmanager
async def listening(app: App, config: ServerConfig, sock: socket.socket) -> AsyncIterator[Serving]:
    """Serve on a bound socket until the block is left; what is under way then is cut off.

    Args:
        app: What answers.
        config: ``[server]``.
        sock: From :func:`bind`; closed behind the block.
    """
    serving = Serving(app, config, sock)
    try:
        await serving.start()
        yield serving
    finally:
        with contextlib.closing(sock):
            await serving.stop()


def url_of(config: ServerConfig, sock: socket.socket) -> str:
    """Where clients find what listens on ``sock``."""
    port = sock.getsockname()[1]
    host = config.host
    if host in ("0.0.0.0", "::", ""):  # noqa: S104  # compared, not bound: nobody can connect to these
        host = "127.0.0.1"
    host = f"[{host}]" if ":" in host else host
    return f"{'https' if config.tls is not None else 'http'}://{host}:{port}/v1"
