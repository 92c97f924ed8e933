"""Searches of vector stores on the wire."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from dinrail_core.api.items.filters import Filter
from dinrail_core.api.vector_stores.files import Attributes
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = ["FoundText", "HybridWeights", "SearchRanking", "SearchRequest", "SearchResult", "SearchResults"]

_Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=100_000)]
_Weight: TypeAlias = Annotated[float, Field(ge=0, le=1_000)]


class HybridWeights(Wire):
    """How meaning and words weigh against each other; not both may be zero."""

    embedding_weight: _Weight
    text_weight: _Weight


class SearchRanking(Wire):
    """How what is found is ranked."""

    ranker: Annotated[
        str, Field(max_length=512, json_schema_extra={"enum": ["none", "auto", "default-2024-11-15"]})
    ] = "auto"
    """``auto`` and ``default-2024-11-15`` are the server's choice: fused, and reranked where a model for that is
    configured. ``none`` reranks nothing. Dinrail's own: ``rrf`` and ``weighted`` say how the two ways of searching are
    fused, and the id of a reranking model has that one rank what was found."""
    score_threshold: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Only what has at least this score."""
    hybrid_search: HybridWeights | MISSING = MISSING
    """Weights for the fusion, as the file search tool has them."""


class SearchRequest(Wire):
    """What is looked for."""

    query: _Text | Annotated[Many[_Text], Field(min_length=1, max_length=32)]
    """One query, or several of which the results are merged."""
    rewrite_query: bool = False
    """Whether a model first makes the query fit for searching."""
    max_num_results: Annotated[int, Field(ge=1, le=50)] = 10
    filters: Filter | None | MISSING = MISSING
    """Only chunks of files whose attributes fit."""
    ranking_options: SearchRanking | MISSING = MISSING
    search_mode: Literal["hybrid", "vector", "keyword"] = "hybrid"
    """Whether meaning, words, or both are looked at. Dinrail's own."""


class FoundText(Wire):
    """A chunk's text, and where in its document it stands."""

    type: Literal["text"] = "text"
    text: str
    chunk_id: str | MISSING = MISSING
    """Dinrail's own, like what stands below."""
    start_index: int | MISSING = MISSING
    """The first of its characters, counted in the text that was read out of the file."""
    end_index: int | MISSING = MISSING
    """Behind its last character."""
    page: int | MISSING = MISSING
    """The page on which it begins, from 1, where the file has pages."""
    last_page: int | MISSING = MISSING
    """The page on which it ends."""


class SearchResult(Wire):
    """A chunk that was found."""

    file_id: str
    filename: str
    score: Annotated[float, Field(ge=0, le=1)]
    attributes: Attributes | None
    content: list[FoundText]


class SearchResults(Wire):
    """What was found, best first."""

    object: Literal["vector_store.search_results.page"] = "vector_store.search_results.page"
    search_query: list[str]
    """What was really looked for."""
    data: list[SearchResult]
    has_more: bool = False
    next_page: str | None = None
