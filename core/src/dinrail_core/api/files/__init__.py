"""Files (``/v1/files``): wire types and contract. Specification: OpenAI's 2.3.0, ``OpenAIFile`` and around it."""

from typing import TYPE_CHECKING

from dinrail_core.api.files.contract import Describe, FileContent, Files
from dinrail_core.api.lazily import lazily

if TYPE_CHECKING:
    from dinrail_core.api.files.objects import (
        DeletedFile,
        ExpiresAfter,
        FileForm,
        FileList,
        FilePurpose,
        ListFilesQuery,
        NewFile,
        OpenAIFile,
        UploadedBytes,
        UploadPurpose,
    )

__all__ = [
    "DeletedFile",
    "Describe",
    "ExpiresAfter",
    "FileContent",
    "FileForm",
    "FileList",
    "FilePurpose",
    "Files",
    "ListFilesQuery",
    "NewFile",
    "OpenAIFile",
    "UploadPurpose",
    "UploadedBytes",
]

__getattr__ = lazily("dinrail_core.api.files.objects")
