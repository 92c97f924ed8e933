"""Embeddings (``POST /v1/embeddings``): wire types and contract."""

from typing import TYPE_CHECKING

from dinrail_core.api.embeddings.contract import Embedder
from dinrail_core.api.lazily import lazily

if TYPE_CHECKING:
    from dinrail_core.api.embeddings.objects import (
        Embedding,
        EmbeddingInput,
        EmbeddingRequest,
        EmbeddingResponse,
        EmbeddingUsage,
    )

__all__ = [
    "Embedder",
    "Embedding",
    "EmbeddingInput",
    "EmbeddingRequest",
    "EmbeddingResponse",
    "EmbeddingUsage",
]

__getattr__ = lazily("dinrail_core.api.embeddings.objects")
