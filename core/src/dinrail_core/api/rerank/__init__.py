"""Reranking (``POST /v1/rerank``): wire types and contract, in the shape that Cohere, Jina and vLLM have in common."""

from typing import TYPE_CHECKING

from dinrail_core.api.lazily import lazily
from dinrail_core.api.rerank.contract import Reranker

if TYPE_CHECKING:
    from dinrail_core.api.rerank.objects import (
        RerankApiVersion,
        RerankBilledUnits,
        RerankDocument,
        RerankMeta,
        RerankRequest,
        RerankResponse,
        RerankResult,
        RerankTokens,
        RerankUsage,
    )

__all__ = [
    "RerankApiVersion",
    "RerankBilledUnits",
    "RerankDocument",
    "RerankMeta",
    "RerankRequest",
    "RerankResponse",
    "RerankResult",
    "RerankTokens",
    "RerankUsage",
    "Reranker",
]

__getattr__ = lazily("dinrail_core.api.rerank.objects")
