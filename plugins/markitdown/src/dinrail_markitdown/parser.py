"""What it reads."""

from __future__ import annotations

from typing import ClassVar

from dinrail_markitdown.plugin import MarkItDownConfig
from dinrail_sdk.confined.library import LibraryParser

__all__ = ["Parser"]


class Parser(LibraryParser[MarkItDownConfig]):
    """Reads documents by MarkItDown."""

    reading: ClassVar = "dinrail_markitdown.reading"
    types: ClassVar = frozenset(
        {
            "application/epub+zip",
            "application/pdf",
            "application/vnd.ms-excel",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "text/html",
        }
    )
