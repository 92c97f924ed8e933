"""Parsers of documents that read in a child process."""

from __future__ import annotations

import asyncio
import tempfile
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dinrail_core.api.call import Call
from dinrail_core.api.documents.contract import (
    INVALID_FILE,
    UNSUPPORTED_FILE,
    DocumentParser,
    DocumentSource,
    ParsedDocument,
)
from dinrail_core.errors import InvalidRequest
from dinrail_sdk.confined.faults import ConfinedFault
from dinrail_sdk.confined.parent import Confined

__all__ = ["ConfinedParser", "DocumentLimits"]

_PIECE = 1024 * 1024
_SMALL = 1_000_000


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """What a document may be, beside what reading it may use.

    Attributes:
        max_bytes: Its size.
        max_characters: Its text.
        expansion: How many characters of text a byte may become, beyond the first million.
        max_pages: Its pages.
    """

    max_bytes: int = 128 * 1024**2
    max_characters: int = 20_000_000
    expansion: int = 50
    max_pages: int = 5_000


class ConfinedParser(DocumentParser):
    """A parser whose reading is a function ``read`` of a module that runs in a child.

    The function takes ``path``, ``filename``, ``media_type``, ``max_pages``, ``max_characters`` and what
    :meth:`arguments` adds, and returns ``text``, ``form``, ``pages`` and ``metadata`` of a
    :class:`~dinrail_core.api.documents.ParsedDocument`. A :class:`ConfinedFault` of it with the code
    ``unsupported_file`` says that the file is of no kind that it knows; any other, that the file is broken.

    Args:
        confined: Runs the module.
        limits: What a document may be.
    """

    def __init__(self, confined: Confined, limits: DocumentLimits) -> None:
        self._confined = confined
        self._limits = limits

    @abstractmethod
    def reads(self, source: DocumentSource) -> bool: ...

    def arguments(self, source: DocumentSource) -> Mapping[str, Any]:
        """What the function is told beyond what every one is."""
        return {}

    async def parse(self, source: DocumentSource, call: Call) -> ParsedDocument:
        if not self.reads(source):
            raise InvalidRequest(f"Files of the type {source.media_type} cannot be read.", code=UNSUPPORTED_FILE)
        if source.size > self._limits.max_bytes:
            message = f"The file has {source.size} bytes; {self._limits.max_bytes} is the most that is read."
            raise InvalidRequest(message, code=INVALID_FILE)
        most = min(self._limits.max_characters, _SMALL + self._limits.expansion * source.size)
        async with _on_disk(source) as path:
            arguments = {
                "path": str(path),
                "filename": source.filename,
                "media_type": source.media_type,
                "max_pages": self._limits.max_pages,
                "max_characters": most,
                **self.arguments(source),
            }
            try:
                found = await self._confined.call("read", arguments)
            except ConfinedFault as fault:
                code = UNSUPPORTED_FILE if fault.code == UNSUPPORTED_FILE else INVALID_FILE
                raise InvalidRequest(f"The file cannot be read: {_lower(fault.message)}", code=code) from fault
        if len(found["text"]) > most:
            raise InvalidRequest(f"The file holds more than {most} characters of text.", code=INVALID_FILE)
        return ParsedDocument(found["text"].replace("\0", ""), found["form"], tuple(found["pages"]), found["metadata"])


@asynccontextmanager
async def _on_disk(source: DocumentSource) -> AsyncIterator[Path]:
    """The file under a name that its own says nothing about but the extension."""
    with tempfile.TemporaryDirectory(prefix="dinrail-document-") as folder:
        extension = source.extension
        path = Path(folder) / (f"document.{extension}" if extension.isalnum() and len(extension) <= 10 else "document")
        with path.open("wb") as file:
            async with aclosing(source.read(0, source.size)) as pieces:
                async for piece in pieces:
                    await asyncio.to_thread(file.write, piece) if len(piece) >= _PIECE else file.write(piece)
        yield path


def _lower(sentence: str) -> str:
    """A sentence behind a colon; names and abbreviations keep their capitals."""
    first = sentence.split(" ", 1)[0]
    return sentence[:1].lower() + sentence[1:] if (first.istitle() and len(first) > 1) or first == "A" else sentence
