"""The rows of chunks."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from dinrail_core.api.documents import Chunk
from dinrail_sdk.sql.fulltext import words_of
from dinrail_sdk.sql.tables import OWNERSHIP

__all__ = ["chunk_rows", "content_bytes", "document_of", "embedded_text", "with_context"]


def chunk_rows(file: Mapping[Any, Any], chunks: Sequence[Chunk]) -> list[dict[str, Any]]:
    """New rows for a file's chunks; their ids are the same whenever they are made."""
    first = secrets.randbits(62)
    return [_row(file, chunk, first + number) for number, chunk in enumerate(chunks)]


def content_bytes(rows: Sequence[Mapping[Any, Any]], dimension: int) -> int:
    """How much chunks' texts and vectors take: what a file says as its ``usage_bytes``."""
    return sum(len(row["text"].encode()) + 4 * dimension for row in rows)


def with_context(row: Mapping[Any, Any], context: str) -> dict[str, Any]:
    """The row of a chunk that is found by what a model says of it as well."""
    words = words_of(f"{context} {row['text']}")
    kept = {str(name): row[name] for name in row if name not in OWNERSHIP}
    return {**kept, "context": context, "words": " ".join(words), "length": len(words)}


def embedded_text(row: Mapping[Any, Any]) -> str:
    """What of a chunk becomes a vector."""
    return f"{row['context']}\n\n{row['text']}" if row["context"] else str(row["text"])


def document_of(rows: Sequence[Mapping[Any, Any]]) -> str:
    """A document's text out of its chunks, in order: what overlaps is there once, what lies between was space."""
    pieces: list[str] = []
    end = 0
    for row in rows:
        begin = row["start_index"]
        if begin > end and pieces:
            pieces.append("\n\n" if begin - end > 1 else " ")
        if row["end_index"] > end:
            pieces.append(row["text"][max(0, end - begin) :])
            end = row["end_index"]
    return "".join(pieces)


def _row(file: Mapping[Any, Any], chunk: Chunk, key: int) -> dict[str, Any]:
    words = words_of(chunk.text)
    return {
        "id": f"{file['id'].replace('vsf_', 'chunk_')}_{chunk.index:06d}",
        "store_id": file["store_id"],
        "file": file["id"],
        "position": chunk.index,
        "key": key,
        "text": chunk.text,
        "context": "",
        "words": " ".join(words),
        "length": len(words),
        "start_index": chunk.start_index,
        "end_index": chunk.end_index,
        "page": chunk.page if isinstance(chunk.page, int) else None,
        "last_page": chunk.last_page if isinstance(chunk.last_page, int) else None,
    }
