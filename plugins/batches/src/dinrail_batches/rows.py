"""From a batch's row to what is on the wire, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping

from dinrail_batches.tables import COUNTS, TIMES, TOKENS
from dinrail_core.api.batches import (
    Batch,
    BatchCachedTokens,
    BatchCounts,
    BatchError,
    BatchErrors,
    BatchReasoningTokens,
    BatchUsage,
    CreateBatch,
)
from dinrail_core.api.files import ExpiresAfter
from dinrail_core.api.wire import MISSING

__all__ = ["ENDED", "batch_of", "new_row", "payload_of"]

ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
"""Statuses that are final."""

_WINDOWS = {"24h": 86_400}


def payload_of(batch_id: str, request: CreateBatch, created_at: int, storage_limit: int | None) -> dict[str, Any]:
    """What the job of a new batch is told: all that its row is made of, should it be there before the row."""
    after = request.output_expires_after
    return {
        "id": batch_id,
        "endpoint": request.endpoint,
        "input_file_id": request.input_file_id,
        "completion_window": request.completion_window,
        "output_seconds": after.seconds if isinstance(after, ExpiresAfter) else None,
        "metadata": request.metadata if isinstance(request.metadata, dict) else None,
        "created_at": created_at,
        "storage_limit": storage_limit,
    }


def new_row(payload: Mapping[str, Any], job_id: str) -> dict[str, Any]:
    """The row of a new batch."""
    told = {name: value for name, value in payload.items() if name != "storage_limit"}
    return {
        **told,
        "job_id": job_id,
        "expires_at": payload["created_at"] + _WINDOWS[payload["completion_window"]],
        "status": "validating",
        "closed": False,
        "total": 0,
        **dict.fromkeys((*COUNTS, *TOKENS), 0),
    }


def batch_of(row: RowMapping) -> Batch:
    """A batch as it is on the wire."""
    optional = ("model", "output_file_id", "error_file_id", *TIMES)
    errors = row["errors"]
    return Batch(
        id=row["id"],
        endpoint=row["endpoint"],
        input_file_id=row["input_file_id"],
        completion_window=row["completion_window"],
        status=row["status"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        errors=MISSING if errors is None else BatchErrors(data=[BatchError(**error) for error in errors]),
        request_counts=BatchCounts(total=row["total"], completed=row["completed"], failed=row["failed"]),
        usage=_usage(row) if row["total_tokens"] else MISSING,
        metadata=row["metadata"],
        **{name: row[name] for name in optional if row[name] is not None},
    )


def _usage(row: RowMapping) -> BatchUsage:
    return BatchUsage(
        input_tokens=row["input_tokens"],
        input_tokens_details=BatchCachedTokens(cached_tokens=row["cached_tokens"]),
        output_tokens=row["output_tokens"],
        output_tokens_details=BatchReasoningTokens(reasoning_tokens=row["reasoning_tokens"]),
        total_tokens=row["total_tokens"],
    )
