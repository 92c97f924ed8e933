"""Reranking (``POST /v1/rerank``): wire types and contract, in the shape that Cohere, Jina and vLLM have in common."""

from abc import ABC, abstractmethod
from typing import Annotated, Any

from pydantic import Field

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = [
    "BilledUnits",
    "RerankDocument",
    "RerankMeta",
    "RerankRequest",
    "RerankResponse",
    "RerankResult",
    "RerankUsage",
    "Reranker",
]


class RerankDocument(Wire):
    """A text, with whatever else the caller keeps beside it."""

    text: str


class RerankRequest(Wire):
    """Documents to be ordered by how well they answer a query."""

    model: str
    query: str
    documents: Annotated[Many[str | RerankDocument], Field(min_length=1)]
    top_n: Annotated[int, Field(ge=1)] | None | MISSING = MISSING
    """How many of the best are returned; all without it."""
    return_documents: bool | None | MISSING = MISSING
    """Whether the results repeat the texts."""
    max_tokens_per_doc: Annotated[int, Field(ge=1)] | None | MISSING = MISSING
    """Longer documents are cut."""


class RerankResult(Wire):
    """One document's place."""

    index: int
    """Which of the request's documents."""
    relevance_score: float
    """Higher is better; only comparable within one model."""
    document: RerankDocument | MISSING = MISSING


class RerankUsage(Wire):
    """Tokens of the query and of all documents."""

    prompt_tokens: int | MISSING = MISSING
    total_tokens: int | MISSING = MISSING


class BilledUnits(Wire):
    """What Cohere's clients call a use."""

    search_units: float | MISSING = MISSING


class RerankMeta(Wire):
    """What Cohere's clients look for beside the results."""

    api_version: dict[str, Any] | MISSING = MISSING
    billed_units: BilledUnits | MISSING = MISSING


class RerankResponse(Wire):
    """The documents, best first."""

    id: str
    object: str = "list"
    model: str
    results: list[RerankResult]
    usage: RerankUsage | MISSING = MISSING
    meta: RerankMeta | MISSING = MISSING


class Reranker(ABC):
    """Orders documents by relevance (``POST /v1/rerank``). ``request.model`` is the upstream's own name."""

    @abstractmethod
    async def rerank(self, request: RerankRequest, call: Call) -> Answer[RerankResponse]:
        """Order the documents, best first, at most ``top_n`` of them; equal scores keep the request's order.

        Raises:
            RequestError: The caller can mend it.
            UpstreamError: The upstream failed.
        """
