"""What it reads, and what the process in which it does is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from dinrail_core.api.documents.contract import DocumentSource
from dinrail_kreuzberg.plugin import KreuzbergConfig
from dinrail_sdk.confined.library import LibraryParser

__all__ = ["Parser"]

_IMAGES = frozenset({"image/bmp", "image/gif", "image/jpeg", "image/png", "image/tiff", "image/webp"})


class Parser(LibraryParser[KreuzbergConfig]):
    """Reads documents by kreuzberg."""

    reading: ClassVar = "dinrail_kreuzberg.reading"
    types: ClassVar = frozenset(
        {
            "application/epub+zip",
            "application/msword",
            "application/pdf",
            "application/rtf",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            "application/vnd.oasis.opendocument.presentation",
            "application/vnd.oasis.opendocument.spreadsheet",
            "application/vnd.oasis.opendocument.text",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "text/html",
        }
    )

    def reads(self, source: DocumentSource) -> bool:
        return super().reads(source) or (self.config.ocr and source.media_type in _IMAGES)

    def arguments(self, source: DocumentSource) -> Mapping[str, Any]:
        return {"languages": self.config.languages if self.config.ocr else None}
