"""The rows of vector stores: stores, files, chunks, batches, and what is to be removed."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)

from dinrail_sdk.sql.fulltext import FullText
from dinrail_sdk.sql.tables import owned_table

__all__ = ["BATCHES", "CHUNKS", "FILES", "LOOSE", "STATES", "STORES", "WORDS"]

_METADATA = MetaData()

STATES = ("in_progress", "completed", "failed", "cancelled")
"""How far a file is; stores and batches count their files in columns of these names."""


def _counts() -> list[Column[int]]:
    return [Column(state, Integer, nullable=False) for state in STATES]


STORES = owned_table(
    "vector_stores",
    _METADATA,
    Column("created_at", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("metadata", JSON, nullable=False),
    Column("expires_days", Integer),
    Column("last_active_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("emptied", Boolean, nullable=False),
    Column("usage_bytes", BigInteger, nullable=False),
    Column("chunks", BigInteger, nullable=False),
    Column("words", BigInteger, nullable=False),
    *_counts(),
    Column("provider", String(200), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("model", String(512), nullable=False),
    Column("dimension", Integer, nullable=False),
    Column("shortened", Boolean, nullable=False),
    Column("next_model", String(512)),
    Column("next_dimension", Integer),
    Column("next_shortened", Boolean),
    Column("next_done", BigInteger, nullable=False),
    Column("next_error", Text),
    Column("next_job", String(80)),
    Column("next_by", String(200)),
    Column("bytes", BigInteger, nullable=False, server_default="0"),
    Index("ix_vector_stores_expires_at", "expires_at"),
    counted=True,
)
"""A store. Its vectors are in the collection of its ``generation``, by ``model``; while it is on its way to another
model, that of the next generation is filled by ``next_model``, in the job of the key ``next_job`` on behalf of
``next_by``. ``chunks`` and ``words`` are those of completed files; ``emptied`` says that its time was over and its
chunks are gone. ``bytes`` are those of its name, description and metadata."""

FILES = owned_table(
    "vector_store_files",
    _METADATA,
    Column("store_id", String(80), nullable=False),
    Column("file_id", String(80), nullable=False),
    Column("filename", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("status", String(20), nullable=False),
    Column("error", JSON),
    Column("strategy", JSON, nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("batch_id", String(80)),
    Column("group_id", String(80), nullable=False),
    Column("added_by", String(200), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("usage_bytes", BigInteger, nullable=False),
    Column("chunks", Integer, nullable=False),
    Column("words", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("store_id", "file_id"),
    Index("ix_vector_store_files_batch_id", "batch_id"),
    Index("ix_vector_store_files_group_id", "group_id"),
    Index("ix_vector_store_files_file_id", "file_id"),
    part_of="vector_stores",
    counted=True,
)
"""A file in a store. Its id is ours, new whenever the file is taken in anew, and what a vector index knows it by.
``group_id`` is the job's that takes it in for ``added_by``; ``generation`` is that of the vectors that it has.
``bytes`` is what counts as stored of it: its attributes and, once it has been read, texts and vectors of its chunks."""

CHUNKS = owned_table(
    "vector_store_chunks",
    _METADATA,
    Column("store_id", String(80), nullable=False),
    Column("file", String(80), nullable=False),
    Column("position", Integer, nullable=False),
    Column("key", BigInteger, nullable=False, unique=True),
    Column("text", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("length", Integer, nullable=False),
    Column("start_index", Integer, nullable=False),
    Column("end_index", Integer, nullable=False),
    Column("page", Integer),
    Column("last_page", Integer),
    UniqueConstraint("file", "position"),
    Index("ix_vector_store_chunks_store_id", "store_id"),
    id_length=100,
    part_of="vector_stores",
)
"""A chunk. ``words`` are those that it is found by, ``length`` is their number, ``context`` what a model says of it."""

WORDS = FullText(CHUNKS, words=CHUNKS.c.words, length=CHUNKS.c.length, within=CHUNKS.c.store_id, key=CHUNKS.c.key)

BATCHES = owned_table(
    "vector_store_batches",
    _METADATA,
    Column("store_id", String(80), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("cancelled_at", BigInteger),
    Column("job_id", String(80)),
    *_counts(),
    Index("ix_vector_store_batches_store_id", "store_id"),
    part_of="vector_stores",
)
"""Files that came together."""

LOOSE = owned_table(
    "vector_store_loose",
    _METADATA,
    Column("provider", String(200), nullable=False),
    Column("collection", String(80), nullable=False),
    Column("file", String(80)),
    Column("store_id", String(80), nullable=False),
    Column("due_at", Float, nullable=False),
    Index("ix_vector_store_loose_due_at", "due_at"),
    part_of="vector_stores",
)
"""What is to be removed: a file's chunks and vectors, or (without ``file``) a collection with all that is left of its
store. Nothing of it is found any more: the row that it belonged to was struck out together with writing it down."""
