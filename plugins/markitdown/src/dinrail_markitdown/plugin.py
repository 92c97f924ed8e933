"""Declares the ``markitdown`` parser of documents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from dinrail_core.hooks import ProviderType, hookimpl
from dinrail_sdk.confined.declared import DocumentParserConfig, document_parser

__all__ = ["DINRAIL_API", "MARKITDOWN", "MarkItDownConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class MarkItDownConfig(DocumentParserConfig):
    """Within what limits documents are read."""

    memory: Annotated[int, Field(ge=512 * 1024 * 1024)] = 6 * 1024 * 1024 * 1024
    """Bytes of address space of the process that reads."""


MARKITDOWN = document_parser(
    "markitdown",
    MarkItDownConfig,
    "dinrail_markitdown.parser",
    "Reads office documents and PDF as Markdown with tables",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield MARKITDOWN
