"""A parser over somebody's library."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar, Generic, Self, TypeVar

from dinrail_core.api.documents.contract import DocumentSource
from dinrail_sdk.confined.declared import DocumentParserConfig
from dinrail_sdk.confined.parent import Confined, Limits
from dinrail_sdk.confined.parser import ConfinedParser, DocumentLimits

__all__ = ["LibraryParser"]

C = TypeVar("C", bound=DocumentParserConfig)


class LibraryParser(ConfinedParser, Generic[C]):
    """Reads files of some types by a library, in processes that are this parser's.

    Args:
        confined: Runs the library.
        config: What is configured.

    Attributes:
        reading: The module whose function ``read`` runs there, as :class:`ConfinedParser` says.
        types: The media types that the library reads.
    """

    reading: ClassVar[str]
    types: ClassVar[frozenset[str]]

    def __init__(self, confined: Confined, config: C) -> None:
        limits = DocumentLimits(config.max_bytes, config.max_characters, config.expansion, config.max_pages)
        super().__init__(confined, limits)
        self.config = config

    @classmethod
    @asynccontextmanager
    async def opened(cls, config: C) -> AsyncIterator[Self]:
        """The parser, until the block is left."""
        limits = Limits(config.cpu_seconds, 3.0 * config.cpu_seconds, config.memory, 8 * config.max_characters)
        confined = Confined(cls.reading, limits, config.processes)
        async with confined.running():
            yield cls(confined, config)

    def reads(self, source: DocumentSource) -> bool:
        return source.media_type in self.types
