"""Declares the ``kreuzberg`` parser of documents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from dinrail_core.hooks import ProviderType, hookimpl
from dinrail_sdk.confined.declared import DocumentParserConfig, document_parser

__all__ = ["DINRAIL_API", "KREUZBERG", "KreuzbergConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class KreuzbergConfig(DocumentParserConfig):
    """What is read, and within what limits."""

    ocr: bool = True
    """Whether text in images and scans is recognised, which needs tesseract on this machine."""
    languages: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+]+$")] = "eng"
    """The languages of that text as tesseract calls them: `eng`, `deu+fra`."""


KREUZBERG = document_parser(
    "kreuzberg", KreuzbergConfig, "dinrail_kreuzberg.parser", "Reads office documents, scans, images and PDF"
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield KREUZBERG
