"""The operations, one module per API. Each decodes, finds who serves the model, and hands over the request whole."""

from collections.abc import Iterable, Sequence
from importlib import import_module

from dinrail_core.hooks.http import Route, RouteGroup
from dinrail_server.routes import meta, models, providers

__all__ = ["ROUTES"]


def _api(path: str, module: str) -> RouteGroup:
    """An API whose module is imported when it is first asked for something."""

    def load() -> Iterable[Route]:
        routes: Sequence[Route] = import_module(f"{__name__}.{module}").ROUTES
        return routes

    return RouteGroup(under=path, load=load)


def _event_types() -> Iterable[Route]:
    from dinrail_server.routes.webhooks import EVENT_TYPE_ROUTES

    return EVENT_TYPE_ROUTES


ROUTES: Sequence[Route | RouteGroup] = (
    _api("/v1/chat/completions", "chat"),
    _api("/v1/completions", "completions"),
    _api("/v1/embeddings", "embeddings"),
    _api("/v1/rerank", "rerank"),
    _api("/v1/moderations", "moderations"),
    *models.ROUTES,
    _api("/v1/files", "files"),
    _api("/v1/uploads", "uploads"),
    _api("/v1/responses", "responses"),
    _api("/v1/containers", "containers"),
    _api("/v1/file-processors", "file_processors"),
    _api("/v1/vector_stores", "vector_stores"),
    _api("/v1/conversations", "conversations"),
    _api("/v1/prompts", "prompts"),
    _api("/v1/batches", "batches"),
    _api("/v1/webhook_endpoints", "webhooks"),
    RouteGroup(under="/v1/webhook_event_types", load=_event_types),
    *providers.ROUTES,
    *meta.ROUTES,
)
