"""Reranking (``POST /v1/rerank``): wire types, in the shape that Cohere, Jina and vLLM have in common."""

from typing import Annotated

from pydantic import Field

from dinrail_core.api.wire import MISSING, Many, Wire

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
    """Whether the results repeat the documents; what happens without it differs from server to server."""
    max_tokens_per_doc: Annotated[int, Field(ge=1)] | None | MISSING = MISSING
    """Longer documents are cut (Cohere)."""


class RerankResult(Wire):
    """One document's place."""

    index: int
    """Which of the request's documents."""
    relevance_score: float
    """Higher is better; comparable only within one model, and not in 0 to 1 with every one of them."""
    document: RerankDocument | str | None | MISSING = MISSING
    """An object with ``text`` (Cohere, Jina, vLLM); some servers send the bare string, or null."""


class RerankUsage(Wire):
    """Tokens of the query and of all documents (Jina, vLLM, llama.cpp)."""

    prompt_tokens: int | MISSING = MISSING
    total_tokens: int | MISSING = MISSING


class RerankApiVersion(Wire):
    """Which of Cohere's API versions answered."""

    version: str


class RerankBilledUnits(Wire):
    """What Cohere bills for."""

    search_units: float | MISSING = MISSING


class RerankTokens(Wire):
    """Tokens, under Cohere's names."""

    input_tokens: float | MISSING = MISSING
    output_tokens: float | MISSING = MISSING


class RerankMeta(Wire):
    """What Cohere's clients look for beside the results."""

    api_version: RerankApiVersion | MISSING = MISSING
    billed_units: RerankBilledUnits | MISSING = MISSING
    tokens: RerankTokens | MISSING = MISSING
    warnings: list[str] | MISSING = MISSING


class RerankResponse(Wire):
    """The documents, best first.

    Each of the three servers leaves out something that another sends, so little is required of an upstream. A provider
    that builds the answer itself gives ``id``, ``model`` and ``usage``.
    """

    id: str | MISSING = MISSING
    object: str | MISSING = MISSING
    """``list`` (Jina, llama.cpp)."""
    model: str | MISSING = MISSING
    results: list[RerankResult]
    usage: RerankUsage | MISSING = MISSING
    meta: RerankMeta | MISSING = MISSING
