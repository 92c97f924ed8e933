"""Wire types of batches. Specification: OpenAI's 2.3.0, ``Batch`` and around it."""

from typing import Annotated, Literal

from pydantic import Field

from dinrail_core.api.files import ExpiresAfter
from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.sampling import Metadata
from dinrail_core.api.wire import MISSING, Wire

__all__ = [
    "Batch",
    "BatchCachedTokens",
    "BatchCounts",
    "BatchError",
    "BatchErrors",
    "BatchList",
    "BatchReasoningTokens",
    "BatchUsage",
    "CreateBatch",
    "ListBatchesQuery",
]


class CreateBatch(Wire):
    """A new batch."""

    input_file_id: str
    """A file of the purpose ``batch``: a request on each line, with ``custom_id``, ``method``, ``url`` and ``body``."""
    endpoint: Literal[
        "/v1/responses",
        "/v1/chat/completions",
        "/v1/embeddings",
        "/v1/completions",
        "/v1/moderations",
        "/v1/images/generations",
        "/v1/images/edits",
        "/v1/videos",
    ]
    """What all of its lines ask; the server must have the operation."""
    completion_window: Literal["24h"]
    """In which time it is to be done; what is not done then, expires."""
    metadata: Metadata | None | MISSING = MISSING
    output_expires_after: ExpiresAfter | MISSING = MISSING
    """When the files that it writes shall vanish, counted from when they are written."""


class BatchError(Wire):
    """What is wrong with a batch or one of its lines."""

    code: str
    """Stable, for programs."""
    message: str
    """For people."""
    param: str | None = None
    """The field, where one is to blame."""
    line: int | None = None
    """The line of the file, from 1."""


class BatchErrors(Wire):
    """Why a batch has failed; the first of many."""

    object: Annotated[str, OpenEnum("list")] = "list"
    data: list[BatchError]


class BatchCounts(Wire):
    """Its lines."""

    total: int
    """All of them; 0 while they have not been looked at."""
    completed: int
    failed: int


class BatchCachedTokens(Wire):
    """What the input was."""

    cached_tokens: int
    """Read from a cache."""


class BatchReasoningTokens(Wire):
    """What the output was."""

    reasoning_tokens: int


class BatchUsage(Wire):
    """Tokens of its completed lines."""

    input_tokens: int
    input_tokens_details: BatchCachedTokens
    output_tokens: int
    output_tokens_details: BatchReasoningTokens
    total_tokens: int


class Batch(Wire):
    """A batch. Times are seconds since the epoch, and left out until they have come."""

    id: str
    object: Literal["batch"] = "batch"
    endpoint: str
    model: str | MISSING = MISSING
    """The model that its lines ask, where they all ask the same."""
    errors: BatchErrors | MISSING = MISSING
    input_file_id: str
    completion_window: str
    status: Annotated[
        str,
        OpenEnum(
            "validating", "failed", "in_progress", "finalizing", "completed", "expired", "cancelling", "cancelled"
        ),
    ]
    output_file_id: str | MISSING = MISSING
    """What its lines were answered; left out where none has been."""
    error_file_id: str | MISSING = MISSING
    """The lines that failed, and those that expired; left out where there are none."""
    created_at: int
    in_progress_at: int | MISSING = MISSING
    expires_at: int | MISSING = MISSING
    finalizing_at: int | MISSING = MISSING
    completed_at: int | MISSING = MISSING
    failed_at: int | MISSING = MISSING
    expired_at: int | MISSING = MISSING
    cancelling_at: int | MISSING = MISSING
    cancelled_at: int | MISSING = MISSING
    request_counts: BatchCounts | MISSING = MISSING
    usage: BatchUsage | MISSING = MISSING
    metadata: Metadata | None | MISSING = MISSING


class BatchList(Wire):
    """A part of a list of batches."""

    object: Literal["list"] = "list"
    data: list[Batch]
    first_id: str | MISSING = MISSING
    last_id: str | MISSING = MISSING
    has_more: bool


class ListBatchesQuery(Wire):
    """Which batches are wanted."""

    after: str | MISSING = MISSING
    """The id behind which the page begins."""
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    """How many at most."""
