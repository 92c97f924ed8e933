"""Uploads (``/v1/uploads``): large files in parts. Specification: OpenAI's 2.3.0, ``Upload`` and around it."""

from typing import TYPE_CHECKING

from dinrail_core.api.lazily import lazily
from dinrail_core.api.uploads.contract import Uploads

if TYPE_CHECKING:
    from dinrail_core.api.uploads.objects import (
        CompleteUpload,
        CreateUpload,
        PartForm,
        Upload,
        UploadPart,
    )

__all__ = [
    "CompleteUpload",
    "CreateUpload",
    "PartForm",
    "Upload",
    "UploadPart",
    "Uploads",
]

__getattr__ = lazily("dinrail_core.api.uploads.objects")
