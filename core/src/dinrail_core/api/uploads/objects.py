"""Uploads (``/v1/uploads``): large files in parts. Specification: OpenAI's 2.3.0, ``Upload`` and around it."""

from typing import Annotated, Literal

from pydantic import Field

from dinrail_core.api.files import ExpiresAfter, OpenAIFile, UploadedBytes, UploadPurpose
from dinrail_core.api.wire import MISSING, Many, PlainText, Wire

__all__ = [
    "CompleteUpload",
    "CreateUpload",
    "PartForm",
    "Upload",
    "UploadPart",
]


class CreateUpload(Wire):
    """A file that is going to come in parts."""

    filename: Annotated[PlainText, Field(min_length=1, max_length=1024)]
    purpose: UploadPurpose
    bytes: Annotated[int, Field(ge=0)]
    """The size that the whole file will have."""
    mime_type: Annotated[PlainText, Field(max_length=255)]
    """What the client takes it for; used where the content does not say."""
    expires_after: ExpiresAfter | MISSING = MISSING
    """When the file shall vanish by itself."""


class PartForm(Wire):
    """The form by which a part is sent (``multipart/form-data``)."""

    data: UploadedBytes
    """At most 64 MiB of the file."""


class CompleteUpload(Wire):
    """Of which parts the file is made."""

    part_ids: Annotated[Many[str], Field(max_length=100_000)]
    """The parts, in the order of their bytes."""
    md5: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{32}$")] | MISSING = MISSING
    """The hash of the whole file, in hexadecimal, if it is to be checked."""


class UploadPart(Wire):
    """A part that has arrived."""

    id: str
    created_at: int
    """Seconds since the epoch."""
    upload_id: str
    object: Literal["upload.part"] = "upload.part"


class Upload(Wire):
    """A file that comes in parts."""

    id: str
    object: Literal["upload"] = "upload"
    created_at: int
    """Seconds since the epoch."""
    filename: str
    bytes: int
    """The size that the whole file will have."""
    purpose: str
    status: Literal["pending", "completed", "cancelled", "expired"]
    expires_at: int
    """Seconds since the epoch; until then it can be completed."""
    file: OpenAIFile | None | MISSING = MISSING
    """The file, once it is complete."""
