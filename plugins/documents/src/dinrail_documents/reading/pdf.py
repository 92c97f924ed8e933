"""PDF to text, a page at a time."""

from __future__ import annotations

import logging
import re
from typing import Any

from pypdf import PdfReader
from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError, PyPdfError

from dinrail_sdk.confined.faults import ConfinedFault

__all__ = ["pdf_text"]

logging.getLogger("pypdf").setLevel(logging.CRITICAL)

_BETWEEN = "\n\n"
_HYPHEN = re.compile(r"(?<=[a-zà-öø-ÿ])-\n(?=[a-zà-öø-ÿ])")


def pdf_text(path: str, max_pages: int, max_characters: int) -> tuple[str, list[int], dict[str, str]]:
    """The text, where each page begins in it, and what the document says of itself.

    Raises:
        ConfinedFault: It is broken, locked, has no text, or is over a limit.
    """
    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise ConfinedFault("invalid_file", "The PDF is locked with a password.")
        if len(reader.pages) > max_pages:
            raise ConfinedFault("invalid_file", f"The PDF has more than {max_pages} pages.")
        text, pages = _pages(reader, max_characters)
        metadata = _metadata(reader)
    except (FileNotDecryptedError, DependencyError):
        raise ConfinedFault("invalid_file", "The PDF is locked.") from None
    except LimitReachedError:
        raise ConfinedFault("invalid_file", "The PDF holds more than is allowed.") from None
    except (PyPdfError, RecursionError):
        raise ConfinedFault("invalid_file", "The PDF is broken.") from None
    if not text.strip():
        raise ConfinedFault("invalid_file", "The PDF holds no text; a parser with OCR may read what its pages show.")
    return text, pages, metadata


def _pages(reader: PdfReader, max_characters: int) -> tuple[str, list[int]]:
    texts: list[str] = []
    begins: list[int] = []
    at = 0
    for page in reader.pages:
        # A word that a line's end has cut is one word again.
        text = _HYPHEN.sub("", page.extract_text().replace("\0", "").replace("\r\n", "\n").strip())
        begins.append(at)
        texts.append(text)
        at += len(text) + len(_BETWEEN)
        if at > max_characters:
            raise ConfinedFault("invalid_file", f"The file holds more than {max_characters} characters of text.")
    return _BETWEEN.join(texts), begins


def _metadata(reader: PdfReader) -> dict[str, str]:
    told: Any = reader.metadata
    found = {"title": getattr(told, "title", None), "author": getattr(told, "author", None)}
    return {key: value.replace("\0", "")[:1000] for key, value in found.items() if isinstance(value, str) and value}
