"""The operations, one module per API. Each decodes, finds who serves the model, and hands over the request whole."""

from collections.abc import Sequence

from dinrail_core.hooks.http import Route
from dinrail_server.routes import (
    chat,
    completions,
    conversations,
    embeddings,
    files,
    meta,
    models,
    moderations,
    prompts,
    providers,
    rerank,
    uploads,
)

__all__ = ["ROUTES"]

ROUTES: Sequence[Route] = (
    *chat.ROUTES,
    *completions.ROUTES,
    *embeddings.ROUTES,
    *rerank.ROUTES,
    *moderations.ROUTES,
    *models.ROUTES,
    *files.ROUTES,
    *uploads.ROUTES,
    *conversations.ROUTES,
    *prompts.ROUTES,
    *providers.ROUTES,
    *meta.ROUTES,
)
