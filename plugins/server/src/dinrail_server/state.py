"""What the routes about the server itself see of it; no web framework in it, so declaring routes stays cheap."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import Annotated, Any

from dinrail_core.api.call import Call
from dinrail_core.api.error_body import ErrorDetail
from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.providers import PluginStatus, ProviderStatus
from dinrail_core.api.wire import MISSING, Wire
from dinrail_core.hooks.http import Exchange

__all__ = ["Alive", "Phase", "Readiness", "ServerExchange", "ServerState", "VersionInfo", "server_of"]


class Phase(Enum):
    """Where the server is in its life."""

    READY = "ready"
    DRAINING = "draining"


class VersionInfo(Wire):
    """What is running."""

    version: str
    plugin_api: str
    """What plugins build on; ``major.minor``."""


class Alive(Wire):
    """The process runs."""

    status: Annotated[str, OpenEnum("ok")] = "ok"


class Readiness(Wire):
    """Whether requests should be sent here, and what is on the rail."""

    status: Annotated[str, OpenEnum("ready", "draining")]
    plugins: list[PluginStatus]
    """Every installed plugin; one that was set aside says why, and does not make the server unready."""
    providers: list[ProviderStatus]
    """Every configured instance as it was seen last."""
    error: ErrorDetail | MISSING = MISSING
    """Why not, as every answer of 5xx says it."""


class ServerState(ABC):
    """The running server."""

    phase: Phase

    @abstractmethod
    def turn(self, exchange: Any) -> AbstractAsyncContextManager[Call]:
        """See :meth:`Exchange.turn`."""

    @abstractmethod
    async def description(self) -> bytes:
        """The OpenAPI document, JSON."""

    @abstractmethod
    async def metrics(self) -> bytes:
        """The figures of all workers in Prometheus' text format."""

    @abstractmethod
    async def providers(self) -> Sequence[ProviderStatus]:
        """Every instance as it was seen last; never waits for a slow upstream, since probes have short limits."""


class ServerExchange(Exchange):
    """An exchange that knows the server it runs in."""

    server: ServerState


def server_of(exchange: Exchange) -> ServerState:
    """The server behind an exchange.

    Raises:
        TypeError: The exchange is another server's.
    """
    if not isinstance(exchange, ServerExchange):
        raise TypeError("This route describes Dinrail's own server and runs in no other.")
    return exchange.server
