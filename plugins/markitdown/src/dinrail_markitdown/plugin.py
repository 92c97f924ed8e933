"""Declares the ``markitdown`` parser of documents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Annotated

from pydantic import BaseModel, Field

from dinrail_core.api.documents.contract import DocumentParser
from dinrail_core.hooks import Context, ProviderType, hookimpl

__all__ = ["DINRAIL_API", "MARKITDOWN", "MarkItDownConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class MarkItDownConfig(BaseModel, extra="forbid", defer_build=True):
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
    memory: Annotated[int, Field(ge=512 * 1024 * 1024)] = 6 * 1024 * 1024 * 1024
    """Bytes of address space of the process that reads."""
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    """Files that are read at once."""


def _detect(environment: Mapping[str, str]) -> Mapping[str, object]:
    """It needs nothing, so being installed is enough."""
    return {}


@asynccontextmanager
async def _open(config: MarkItDownConfig, context: Context) -> AsyncIterator[object]:
    from dinrail_markitdown.parser import MarkItDownParser

    async with MarkItDownParser.opened(config) as parser:
        yield parser


MARKITDOWN = ProviderType(
    name="markitdown",
    config=MarkItDownConfig,
    apis=frozenset({DocumentParser}),
    open=_open,
    detect=_detect,
    summary="Reads office documents and PDF as Markdown with tables",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield MARKITDOWN
