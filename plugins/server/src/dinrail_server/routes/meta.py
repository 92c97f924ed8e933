"""The server about itself: version, description, liveness, readiness, metrics."""

from __future__ import annotations

from dinrail_core import PLUGIN_API, __version__
from dinrail_core.api.answers import Answer
from dinrail_core.api.error_body import ErrorDetail
from dinrail_core.api.wire import MISSING
from dinrail_core.hooks.http import Exchange, Reply, Route
from dinrail_server.state import Alive, Phase, Readiness, VersionInfo, server_of

__all__ = ["ROUTES"]

_STOPPING = ErrorDetail(message="The server is stopping.", type="service_unavailable_error", code="unavailable")
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


async def _version(exchange: Exchange) -> Answer[VersionInfo]:
    return Answer.of(VersionInfo(version=__version__, plugin_api=".".join(map(str, PLUGIN_API))))


async def _describe(exchange: Exchange) -> Reply:
    return Reply(body=await server_of(exchange).description())


async def _alive(exchange: Exchange) -> Answer[Alive]:
    return Answer.of(Alive())


async def _ready(exchange: Exchange) -> Reply:
    server = server_of(exchange)
    ready = server.phase is Phase.READY
    readiness = Readiness(
        status=server.phase.value,
        plugins=list(exchange.rail.plugins()),
        providers=list(await server.providers()),
        error=MISSING if ready else _STOPPING,
    )
    return Reply(body=readiness.model_dump_json().encode(), status=200 if ready else 503)


async def _metrics(exchange: Exchange) -> Reply:
    return Reply(body=await server_of(exchange).metrics(), content_type=_PROMETHEUS)


ROUTES = (
    Route(
        method="GET",
        path="/v1/version",
        handler=_version,
        summary="Tell the server's version and that of the plugin API",
        tag="Server",
        answer=VersionInfo,
        public=True,
    ),
    Route(
        method="GET",
        path="/openapi.json",
        handler=_describe,
        summary="Describe the HTTP interface (OpenAPI 3.1)",
        tag="Server",
        public=True,
    ),
    Route(
        method="GET",
        path="/livez",
        handler=_alive,
        summary="Say that the process runs",
        tag="Server",
        answer=Alive,
        public=True,
    ),
    Route(
        method="GET",
        path="/readyz",
        handler=_ready,
        summary="Say whether requests should be sent here (200) or not (503), with the state of plugins and providers",
        tag="Server",
        answer=Readiness,
        public=True,
    ),
    Route(
        method="GET",
        path="/metrics",
        handler=_metrics,
        summary="Figures for Prometheus",
        tag="Server",
        public=True,
    ),
)
