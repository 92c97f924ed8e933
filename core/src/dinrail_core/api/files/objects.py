"""Files (``/v1/files``): wire types and contract. Specification: OpenAI's 2.3.0, ``OpenAIFile`` and around it."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.wire import MISSING, PlainText, Wire

__all__ = [
    "DeletedFile",
    "ExpiresAfter",
    "FileForm",
    "FileList",
    "FilePurpose",
    "ListFilesQuery",
    "NewFile",
    "OpenAIFile",
    "UploadPurpose",
    "UploadedBytes",
]

UploadPurpose: TypeAlias = Literal["assistants", "batch", "fine-tune", "vision", "user_data", "evals"]
"""What a client may upload a file for."""


FilePurpose: TypeAlias = Literal[
    "assistants",
    "assistants_output",
    "batch",
    "batch_output",
    "fine-tune",
    "fine-tune-results",
    "vision",
    "user_data",
    "evals",
]
"""What a file may be for; those that a client cannot ask for are made by services."""


UploadedBytes: TypeAlias = Annotated[str, Field(json_schema_extra={"format": "binary"})]
"""A field of a form that holds a file's bytes. It only describes the form: the bytes are never a value."""


class ExpiresAfter(Wire):
    """When a file shall vanish by itself."""

    anchor: Literal["created_at"]
    """From when the time runs."""
    seconds: Annotated[int, Field(ge=3600, le=2_592_000)]
    """An hour to 30 days."""


class FileForm(Wire):
    """The form by which a file is uploaded (``multipart/form-data``)."""

    file: UploadedBytes
    """The file, with its name."""
    purpose: UploadPurpose
    expires_after: ExpiresAfter | MISSING = MISSING
    """Files of the purpose ``batch`` vanish after 30 days where nothing is said, others never."""


class NewFile(Wire):
    """What a file is to be, beside its bytes."""

    filename: Annotated[PlainText, Field(min_length=1, max_length=1024)]
    """Any name without a NUL; it is kept and handed back, and means nothing to the server."""
    purpose: FilePurpose
    expires_after: ExpiresAfter | MISSING = MISSING


class OpenAIFile(Wire):
    """A file."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    """Its size."""
    created_at: int
    """Seconds since the epoch."""
    expires_at: int | MISSING = MISSING
    """Seconds since the epoch; left out where it does not vanish by itself."""
    filename: str
    purpose: Annotated[
        str,
        OpenEnum(
            "assistants",
            "assistants_output",
            "batch",
            "batch_output",
            "fine-tune",
            "fine-tune-results",
            "vision",
            "user_data",
        ),
    ]
    status: Literal["uploaded", "processed", "error"] = "processed"
    """Deprecated by OpenAI: a file that exists can be used."""
    status_details: str | MISSING = MISSING


class FileList(Wire):
    """A part of a list of files."""

    object: Literal["list"] = "list"
    data: list[OpenAIFile]
    first_id: str
    """Empty where there is nothing: the specification knows no null here."""
    last_id: str
    has_more: bool


class ListFilesQuery(Wire):
    """Which files are wanted."""

    purpose: str | MISSING = MISSING
    """Only those of this purpose."""
    limit: Annotated[int, Field(ge=1, le=10_000)] = 10_000
    """How many at most."""
    order: Literal["asc", "desc"] = "desc"
    """``desc`` has the newest first."""
    after: str | MISSING = MISSING
    """The id behind which the page begins."""


class DeletedFile(Wire):
    """A file that is no more."""

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True
