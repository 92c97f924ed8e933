"""Documents: how files become text and text becomes chunks (``/v1/file-processors``). Wire types and contracts."""

from typing import TYPE_CHECKING

from dinrail_core.api.documents.contract import (
    INVALID_FILE,
    UNSUPPORTED_FILE,
    DocumentParser,
    Documents,
    DocumentSource,
    ParsedDocument,
    TextForm,
    source_of,
)
from dinrail_core.api.lazily import lazily

if TYPE_CHECKING:
    from dinrail_core.api.documents.objects import (
        Chunk,
        ProcessedFile,
        ProcessFile,
        ProcessFileForm,
        ProcessingJob,
        ProcessingJobList,
        ProcessingOptions,
    )

__all__ = [
    "INVALID_FILE",
    "UNSUPPORTED_FILE",
    "Chunk",
    "DocumentParser",
    "DocumentSource",
    "Documents",
    "ParsedDocument",
    "ProcessFile",
    "ProcessFileForm",
    "ProcessedFile",
    "ProcessingJob",
    "ProcessingJobList",
    "ProcessingOptions",
    "TextForm",
    "source_of",
]

__getattr__ = lazily("dinrail_core.api.documents.objects")
