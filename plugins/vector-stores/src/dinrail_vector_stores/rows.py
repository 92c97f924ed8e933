"""From rows to what is on the wire, and the steps that rows take."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import TypeAdapter
from sqlalchemy import RowMapping

from dinrail_core.api.chunking import ContextualChunking, OtherChunking, StaticChunking
from dinrail_core.api.vector_stores import (
    FileCounts,
    FileStatus,
    Reembedding,
    StoreExpiry,
    StoreFile,
    StoreFileBatch,
    StoreFileError,
    VectorStore,
)
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import Conflict, NotFound
from dinrail_sdk.sql.units import Owned
from dinrail_vector_stores.tables import BATCHES, FILES, STATES, STORES

__all__ = [
    "batch_of",
    "collection_of",
    "existing_batch",
    "existing_file",
    "existing_store",
    "file_bytes",
    "file_of",
    "move",
    "next_collection_of",
    "store_bytes",
    "store_of",
    "usable_store",
]

_STRATEGY: TypeAdapter[Any] = TypeAdapter(StaticChunking | ContextualChunking | OtherChunking)
_DAY = 86_400


def existing_store(unit: Owned, store_id: str, *, lock: bool = False) -> RowMapping:
    """A store's row.

    Raises:
        NotFound: There is none of this id.
    """
    row = unit.get(STORES, store_id, lock=lock)
    if row is None:
        raise NotFound(f"There is no vector store '{store_id}'.", param="vector_store_id")
    return row


def usable_store(unit: Owned, store_id: str, *, lock: bool = False) -> RowMapping:
    """The row of a store whose time is not over.

    Raises:
        NotFound: There is none of this id.
        Conflict: Its time is over.
    """
    row = existing_store(unit, store_id, lock=lock)
    if _is_over(row):
        raise Conflict(f"The vector store '{store_id}' has expired.", param="vector_store_id", code="expired")
    return row


def existing_file(unit: Owned, store_id: str, file_id: str) -> RowMapping:
    """The row of a file in a store.

    Raises:
        NotFound: There is none of this id.
    """
    row = unit.first(FILES, FILES.c.store_id == store_id, FILES.c.file_id == file_id)
    if row is None:
        raise NotFound(f"The vector store has no file '{file_id}'.", param="file_id")
    return row


def existing_batch(unit: Owned, store_id: str, batch_id: str) -> RowMapping:
    """The row of a batch of a store.

    Raises:
        NotFound: There is none of this id.
    """
    row = unit.first(BATCHES, BATCHES.c.id == batch_id, BATCHES.c.store_id == store_id)
    if row is None:
        raise NotFound(f"The vector store has no file batch '{batch_id}'.", param="batch_id")
    return row


def collection_of(store: Mapping[Any, Any]) -> str:
    """The collection in which a store's vectors are."""
    return f"{store['id'].lower()}_{store['generation']}"


def next_collection_of(store: Mapping[Any, Any]) -> str:
    """The collection that a store on its way to another model is going to have."""
    return f"{store['id'].lower()}_{store['generation'] + 1}"


def store_bytes(name: str, description: str | None, metadata: Mapping[str, str]) -> int:
    """How much a store takes of its owner's room; its files take the rest."""
    return len(name.encode()) + len((description or "").encode()) + len(json.dumps(metadata).encode())


def file_bytes(attributes: Mapping[str, Any], content: int = 0) -> int:
    """How much a file in a store takes of its owner's room.

    Args:
        attributes: Its attributes.
        content: Bytes of its chunks' texts and vectors, once it has been read.
    """
    return content + len(json.dumps(attributes).encode())


def move(
    unit: Owned,
    files: Sequence[Mapping[Any, Any]],
    status: str | None,
    values: Mapping[str, Any] | None = None,
) -> None:
    """Have files take a step, and their stores and batches count them where they are now.

    Args:
        unit: Of whoever may write to the store. The store's row is locked.
        files: Rows of one store, as they are now.
        status: Where they step to; ``None`` removes them.
        values: What else changes: ``usage_bytes``, ``chunks``, ``words``, ``bytes``, ``error``, ``generation``. Without
            ``bytes``, nothing of the files' chunks is kept.
    """
    if not files:
        return
    changes = dict(values or {})
    sizes = {name: changes.get(name, 0) for name in ("usage_bytes", "chunks", "words")}
    _count(unit, STORES, files, status, sizes, lambda file: file["store_id"])
    _count(
        unit,
        BATCHES,
        [file for file in files if file["batch_id"] is not None],
        status,
        {},
        lambda file: file["batch_id"],
    )
    by_bytes: dict[int, list[str]] = {}
    for file in files:
        by_bytes.setdefault(changes.get("bytes", file_bytes(file["attributes"])), []).append(file["id"])
    for size, ids in by_bytes.items():
        for begin in range(0, len(ids), 500):
            these = FILES.c.id.in_(ids[begin : begin + 500])
            if status is None:
                unit.delete(FILES, these)
            else:
                unit.update(FILES, {**sizes, **changes, "bytes": size, "status": status}, these)


def _count(
    unit: Owned,
    table: Any,
    files: Sequence[Mapping[Any, Any]],
    status: str | None,
    sizes: Mapping[str, int],
    owner: Any,
) -> None:
    deltas: dict[str, dict[str, int]] = {}
    for file in files:
        delta = deltas.setdefault(owner(file), {})
        delta[file["status"]] = delta.get(file["status"], 0) - 1
        if status is not None:
            delta[status] = delta.get(status, 0) + 1
        for name, size in sizes.items():
            delta[name] = delta.get(name, 0) + size - file[name]
    for key, delta in deltas.items():
        changed = {name: table.c[name] + number for name, number in delta.items() if number}
        if changed:
            unit.update(table, changed, table.c.id == key)


def store_of(row: Mapping[Any, Any]) -> VectorStore:
    """A store as it is on the wire."""
    days = row["expires_days"]
    status: Literal["expired", "in_progress", "completed"] = "in_progress" if row["in_progress"] else "completed"
    if _is_over(row):
        status = "expired"
    return VectorStore(
        id=row["id"],
        created_at=row["created_at"],
        name=row["name"],
        usage_bytes=row["usage_bytes"],
        file_counts=_counts(row),
        status=status,
        expires_after=MISSING if days is None else StoreExpiry(anchor="last_active_at", days=days),
        expires_at=row["expires_at"],
        last_active_at=row["last_active_at"],
        metadata=row["metadata"],
        description=MISSING if row["description"] is None else row["description"],
        embedding_model=row["model"],
        embedding_dimension=row["dimension"],
        provider_id=row["provider"],
        reembedding=_reembedding(row),
    )


def _reembedding(row: Mapping[Any, Any]) -> Reembedding | MISSING:
    if row["next_model"] is None:
        return MISSING
    error = row["next_error"]
    return Reembedding(
        embedding_model=row["next_model"],
        status="in_progress" if error is None else "failed",
        completed=min(row["next_done"], row["chunks"]),
        total=row["chunks"],
        message=MISSING if error is None else error,
    )


def _is_over(row: Mapping[Any, Any]) -> bool:
    return row["emptied"] or (row["expires_at"] is not None and row["expires_at"] <= time.time())


def _counts(row: Mapping[Any, Any]) -> FileCounts:
    counts = {state: row[state] for state in STATES}
    return FileCounts(**counts, total=sum(counts.values()))


def file_of(row: Mapping[Any, Any]) -> StoreFile:
    """A file of a store as it is on the wire."""
    error = row["error"]
    return StoreFile(
        id=row["file_id"],
        usage_bytes=row["usage_bytes"],
        created_at=row["created_at"],
        vector_store_id=row["store_id"],
        status=row["status"],
        last_error=None if error is None else StoreFileError(code=error["code"], message=error["message"]),
        chunking_strategy=_STRATEGY.validate_python(_told(row["strategy"])),
        attributes=row["attributes"],
    )


def _told(strategy: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is told of a strategy: of one that the server was to choose, its choice, once it is made."""
    return {"type": "other"} if strategy["type"] == "auto" else strategy


def batch_of(row: Mapping[Any, Any]) -> StoreFileBatch:
    """A batch as it is on the wire."""
    counts = _counts(row)
    status: FileStatus = "in_progress" if counts.in_progress else "completed"
    if row["cancelled_at"] is not None:
        status = "cancelled"
    elif counts.total and counts.failed == counts.total:
        status = "failed"
    return StoreFileBatch(
        id=row["id"], created_at=row["created_at"], vector_store_id=row["store_id"], status=status, file_counts=counts
    )
