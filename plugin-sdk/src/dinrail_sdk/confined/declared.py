"""Declaring a parser of documents that reads in a child process: its configuration, and its record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Annotated, Any

from pydantic import BaseModel, Field

from dinrail_core.api.documents.contract import DocumentParser
from dinrail_core.hooks import Context, ProviderType

__all__ = ["DocumentParserConfig", "document_parser"]


class DocumentParserConfig(BaseModel, extra="forbid", defer_build=True):
    """Within what limits documents are read."""

    max_bytes: Annotated[int, Field(ge=1)] = 128 * 1024 * 1024
    """The largest file that is read."""
    max_characters: Annotated[int, Field(ge=1000)] = 20_000_000
    """The most text that a file may hold."""
    expansion: Annotated[int, Field(ge=1)] = 50
    """How many characters of text a byte of a file may become, beyond a first million of them."""
    max_pages: Annotated[int, Field(ge=1)] = 5_000
    """The most pages of a document."""
    cpu_seconds: Annotated[int, Field(ge=1, le=3600)] = 120
    """Seconds of computing time that a file may take to read."""
    memory: Annotated[int, Field(ge=512 * 1024 * 1024)] = 4 * 1024 * 1024 * 1024
    """Bytes of address space of the process that reads."""
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    """Files that are read at once."""


def _detect(environment: Mapping[str, str]) -> Mapping[str, object]:
    """It needs nothing, so being installed is enough."""
    return {}


def document_parser(name: str, config: type[DocumentParserConfig], module: str, summary: str) -> ProviderType:
    """The record of a parser that is there as soon as it is installed.

    Args:
        name: The provider's.
        config: Its configuration.
        module: Where its class ``Parser`` is, an :class:`~dinrail_sdk.confined.library.LibraryParser`; imported in a
            thread when the provider is opened.
        summary: What it reads, in a few words.
    """

    @asynccontextmanager
    async def opened(config: Any, context: Context) -> AsyncIterator[object]:
        parser = (await asyncio.to_thread(import_module, module)).Parser
        async with parser.opened(config) as provider:
            yield provider

    return ProviderType(
        name=name,
        config=config,
        apis=frozenset({DocumentParser}),
        open=opened,
        detect=_detect,
        summary=summary,
    )
