"""Files of vector stores on the wire, alone and in batches."""

from math import isfinite
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from dinrail_core.api.chunking import ChunkingStrategy, ContextualChunking, OtherChunking, StaticChunking
from dinrail_core.api.pages import ListQuery
from dinrail_core.api.vector_stores.stores import FileCounts
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = [
    "AddFile",
    "AddFiles",
    "Attributes",
    "DeletedStoreFile",
    "FileStatus",
    "ListStoreFilesQuery",
    "StoreFile",
    "StoreFileBatch",
    "StoreFileContent",
    "StoreFileError",
    "StoreFileList",
    "StoreFileText",
    "UpdateStoreFile",
]

FileStatus: TypeAlias = Literal["in_progress", "completed", "cancelled", "failed"]
"""How far a file is; it can be searched once it is completed."""


def _check_attributes(value: Any) -> Any:
    """Keeps whole numbers whole, and stops at the first fault."""
    if not isinstance(value, dict):
        raise PydanticCustomError("dict_type", "Input should be an object")
    if len(value) > 16:
        raise PydanticCustomError("too_long", "Input should have at most 16 pairs")
    for key, item in value.items():
        if not isinstance(key, str) or not 1 <= len(key) <= 64:
            raise PydanticCustomError("attribute", "Keys should have 1 to 64 characters")
        if isinstance(item, str):
            if len(item) > 512:
                raise PydanticCustomError("attribute", "Texts should have at most 512 characters")
        elif not isinstance(item, (bool, int, float)) or not isfinite(item):
            raise PydanticCustomError("attribute", "Values should be texts, numbers or booleans")
        elif not -(2**63) <= item < 2**63:
            raise PydanticCustomError("attribute", "Numbers should fit into 64 bits")
    return value


Attributes: TypeAlias = Annotated[
    dict[str, str | int | float | bool],
    PlainValidator(_check_attributes),
    WithJsonSchema(
        {
            "type": "object",
            "maxProperties": 16,
            "propertyNames": {"type": "string", "maxLength": 64},
            "additionalProperties": {
                "oneOf": [{"type": "string", "maxLength": 512}, {"type": "number"}, {"type": "boolean"}]
            },
        }
    ),
]
"""Up to 16 pairs that searches can be filtered by; keys of at most 64 characters, texts of at most 512."""


class AddFile(Wire):
    """A file that a store is to have."""

    file_id: str
    chunking_strategy: ChunkingStrategy | MISSING = MISSING
    attributes: Attributes | None | MISSING = MISSING


class AddFiles(Wire):
    """Several files that a store is to have: either ``file_ids`` or ``files``."""

    file_ids: Annotated[Many[str], Field(min_length=1, max_length=2000)] | MISSING = MISSING
    files: Annotated[Many[AddFile], Field(min_length=1, max_length=2000)] | MISSING = MISSING
    chunking_strategy: ChunkingStrategy | MISSING = MISSING
    """For ``file_ids``; each of ``files`` says its own."""
    attributes: Attributes | None | MISSING = MISSING
    """For ``file_ids``; each of ``files`` says its own."""


class UpdateStoreFile(Wire):
    """A file's attributes, which take the place of those that it had."""

    attributes: Attributes | None


class StoreFileError(Wire):
    """Why a file could not be taken in."""

    code: Literal["server_error", "unsupported_file", "invalid_file"]
    message: str


class StoreFile(Wire):
    """A file of a store."""

    id: str
    """The id of the file itself."""
    object: Literal["vector_store.file"] = "vector_store.file"
    usage_bytes: int
    """The size of what its chunks hold: text and vectors."""
    created_at: int
    """Seconds since the epoch at which it came into the store."""
    vector_store_id: str
    status: FileStatus
    last_error: StoreFileError | None
    chunking_strategy: StaticChunking | ContextualChunking | OtherChunking | MISSING = MISSING
    attributes: Attributes | None | MISSING = MISSING


class ListStoreFilesQuery(ListQuery):
    """Which of a store's files are wanted."""

    filter: FileStatus | MISSING = MISSING
    """Only those that are so far."""


class StoreFileList(Wire):
    """A part of a store's files."""

    object: str = "list"
    data: list[StoreFile]
    first_id: str
    """Empty where there is nothing: the specification knows no null here."""
    last_id: str
    has_more: bool


class DeletedStoreFile(Wire):
    """A file that a store no longer has; the file itself is still there."""

    id: str
    object: Literal["vector_store.file.deleted"] = "vector_store.file.deleted"
    deleted: Literal[True] = True


class StoreFileText(Wire):
    """A piece of a file's text."""

    type: str = "text"
    text: str


class StoreFileContent(Wire):
    """What was read out of a file."""

    object: Literal["vector_store.file_content.page"] = "vector_store.file_content.page"
    data: list[StoreFileText]
    has_more: bool = False
    next_page: str | None = None


class StoreFileBatch(Wire):
    """Files that came into a store together."""

    id: str
    object: Literal["vector_store.files_batch"] = "vector_store.files_batch"
    created_at: int
    """Seconds since the epoch."""
    vector_store_id: str
    status: FileStatus
    file_counts: FileCounts
