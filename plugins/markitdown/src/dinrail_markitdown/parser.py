"""The parser: what it reads, and the process in which it does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from dinrail_core.api.documents.contract import DocumentSource
from dinrail_markitdown.plugin import MarkItDownConfig
from dinrail_sdk.confined.parent import Confined, Limits
from dinrail_sdk.confined.parser import ConfinedParser, DocumentLimits

__all__ = ["MarkItDownParser"]

_TYPES = frozenset(
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


class MarkItDownParser(ConfinedParser):
    """Reads documents by markitdown.

    Args:
        confined: Runs it.
        config: What is read, and the limits.
    """

    def __init__(self, confined: Confined, config: MarkItDownConfig) -> None:
        limits = DocumentLimits(config.max_bytes, config.max_characters, config.expansion, config.max_pages)
        super().__init__(confined, limits)
        self._config = config

    @classmethod
    @asynccontextmanager
    async def opened(cls, config: MarkItDownConfig) -> AsyncIterator[Self]:
        """The parser, until the block is left."""
        limits = Limits(config.cpu_seconds, 3.0 * config.cpu_seconds, config.memory, 8 * config.max_characters)
        confined = Confined("dinrail_markitdown.reading", limits, config.processes)
        async with confined.running():
            yield cls(confined, config)

    def reads(self, source: DocumentSource) -> bool:
        return source.media_type in _TYPES
