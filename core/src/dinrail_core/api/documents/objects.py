"""Processed files on the wire."""

from typing import Annotated, Any, Literal

from pydantic import Field

from dinrail_core.api.chunking import ChunkingStrategy
from dinrail_core.api.files.objects import UploadedBytes
from dinrail_core.api.wire import MISSING, Wire

__all__ = [
    "Chunk",
    "ProcessFile",
    "ProcessFileForm",
    "ProcessedFile",
    "ProcessingJob",
    "ProcessingJobList",
    "ProcessingOptions",
]


class ProcessingOptions(Wire):
    """How a file is read."""

    parser: str | MISSING = MISSING
    """The instance that reads it; without one, the first that can, in the order of the configuration."""


class ProcessFile(Wire):
    """A file that is to be read and cut."""

    file_id: str
    options: ProcessingOptions | MISSING = MISSING
    chunking_strategy: ChunkingStrategy | MISSING = MISSING


class ProcessFileForm(Wire):
    """The same for a file that comes along (``multipart/form-data``)."""

    file: UploadedBytes
    options: str | MISSING = MISSING
    """``ProcessingOptions`` as JSON."""
    chunking_strategy: str | MISSING = MISSING
    """The strategy as JSON."""


class Chunk(Wire):
    """A piece of a document."""

    index: int
    """From 0."""
    text: str
    start_index: int
    """The first of its characters, counted in the document's text."""
    end_index: int
    """Behind its last character."""
    page: int | MISSING = MISSING
    """The page on which it begins, from 1, where the document has pages."""
    last_page: int | MISSING = MISSING
    """The page on which it ends."""
    context: str | MISSING = MISSING
    """What a model says that it is about, where the strategy is ``contextual``."""


class ProcessedFile(Wire):
    """What was read out of a file."""

    chunks: list[Chunk]
    metadata: dict[str, Any]
    """``parser``, ``media_type``, ``filename``, ``characters``, ``pages`` where it has some, ``chunking_strategy``, and
    what the document says of itself (``title``, ``author``)."""


class ProcessingJob(Wire):
    """A file that is being read without anybody waiting."""

    id: str
    object: Literal["file_processor.job"] = "file_processor.job"
    created_at: int
    """Seconds since the epoch."""
    status: Annotated[str, Field(json_schema_extra={"enum": ["in_progress", "completed", "failed", "cancelled"]})]
    file_id: str
    result: ProcessedFile | None = None
    """There once it is completed; lists leave it out."""
    error: dict[str, str] | None = None
    """``code`` and ``message``, where it failed."""


class ProcessingJobList(Wire):
    """A part of a list of jobs, each without its ``result``."""

    object: Literal["list"] = "list"
    data: list[ProcessingJob]
    first_id: str
    """Empty where there is nothing."""
    last_id: str
    has_more: bool
