"""Declares the ``kreuzberg`` parser of documents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Annotated

from pydantic import BaseModel, Field

from dinrail_core.api.documents.contract import DocumentParser
from dinrail_core.hooks import Context, ProviderType, hookimpl

__all__ = ["DINRAIL_API", "KREUZBERG", "KreuzbergConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class KreuzbergConfig(BaseModel, extra="forbid", defer_build=True):
    """What is read, and within what limits."""

    ocr: bool = True
    """Whether text in images and scans is recognised, which needs tesseract on this machine."""
    languages: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+]+$")] = "eng"
    """The languages of that text as tesseract calls them: `eng`, `deu+fra`."""
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


@asynccontextmanager
async def _open(config: KreuzbergConfig, context: Context) -> AsyncIterator[object]:
    from dinrail_kreuzberg.parser import KreuzbergParser

    async with KreuzbergParser.opened(config) as parser:
        yield parser


KREUZBERG = ProviderType(
    name="kreuzberg",
    config=KreuzbergConfig,
    apis=frozenset({DocumentParser}),
    open=_open,
    detect=_detect,
    summary="Reads office documents, e-mails, scans and PDF",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield KREUZBERG
