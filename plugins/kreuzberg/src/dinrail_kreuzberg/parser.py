"""The parser: what it reads, and the process in which it does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self

from dinrail_core.api.documents.contract import DocumentSource
from dinrail_kreuzberg.plugin import KreuzbergConfig
from dinrail_sdk.confined.parent import Confined, Limits
from dinrail_sdk.confined.parser import ConfinedParser, DocumentLimits

__all__ = ["KreuzbergParser"]

_TYPES = frozenset(
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

_IMAGES = frozenset({"image/bmp", "image/gif", "image/jpeg", "image/png", "image/tiff", "image/webp"})


class KreuzbergParser(ConfinedParser):
    """Reads documents by kreuzberg.

    Args:
        confined: Runs it.
        config: What is read, and the limits.
    """

    def __init__(self, confined: Confined, config: KreuzbergConfig) -> None:
        limits = DocumentLimits(config.max_bytes, config.max_characters, config.expansion, config.max_pages)
        super().__init__(confined, limits)
        self._config = config

    @classmethod
    @asynccontextmanager
    async def opened(cls, config: KreuzbergConfig) -> AsyncIterator[Self]:
        """The parser, until the block is left."""
        limits = Limits(config.cpu_seconds, 3.0 * config.cpu_seconds, config.memory, 8 * config.max_characters)
        confined = Confined("dinrail_kreuzberg.reading", limits, config.processes)
        async with confined.running():
            yield cls(confined, config)

    def reads(self, source: DocumentSource) -> bool:
        return source.media_type in _TYPES or (self._config.ocr and source.media_type in _IMAGES)

    def arguments(self, source: DocumentSource) -> Mapping[str, Any]:
        return {"languages": self._config.languages if self._config.ocr else None}
