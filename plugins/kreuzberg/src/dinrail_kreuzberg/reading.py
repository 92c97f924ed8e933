"""What the child process does: kreuzberg reads a file."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Any

from kreuzberg import (
    ExtractionConfig,
    ExtractionResult,
    KreuzbergError,
    MissingDependencyError,
    OcrConfig,
    OCRError,
    PageConfig,
    ValidationError,
    extract_file_sync,
)

from dinrail_sdk.confined.faults import ConfinedFault

__all__ = ["read"]

_BETWEEN = "\n\n"
_PDF = "application/pdf"
_PAGED = frozenset({_PDF, "application/vnd.openxmlformats-officedocument.presentationml.presentation"})
"""Types of which the pages are real; others get one page, or none that anybody would find again."""


def read(
    path: str, filename: str, media_type: str, max_pages: int, max_characters: int, languages: str | None
) -> dict[str, Any]:
    """A document's text as Markdown.

    Args:
        path: Where its bytes are.
        filename: Its name.
        media_type: Its type.
        max_pages: The most pages.
        max_characters: The most characters of text.
        languages: Of text in images, as tesseract calls them; ``None`` not to recognise any.

    Returns:
        ``text``, ``form``, ``pages`` and ``metadata``.
    """
    paged = media_type in _PAGED
    pages = PageConfig(extract_pages=True) if paged else None
    found = _extracted(path, media_type, pages, None if paged else languages)
    contents = [_clean(page["content"]) for page in found.pages or []] if paged else []
    if len(contents) > max_pages:
        raise ConfinedFault("invalid_file", f"It has more than {max_pages} pages.")
    scans = [number for number, content in enumerate(contents, 1) if not content]
    if scans and languages and media_type == _PDF:
        recognised = _recognised(path, scans, languages)
        contents = [content or recognised.get(number, "") for number, content in enumerate(contents, 1)]
    text = _BETWEEN.join(contents) if contents else _clean(found.content)
    if len(text) > max_characters:
        raise ConfinedFault("invalid_file", f"It holds more than {max_characters} characters of text.")
    if not text.strip():
        raise ConfinedFault("invalid_file", "It holds no text.")
    begins = [sum(len(one) + len(_BETWEEN) for one in contents[:number]) for number in range(len(contents))]
    return {"text": text, "form": "markdown", "pages": begins, "metadata": _metadata(found.metadata)}


def _recognised(path: str, scans: Sequence[int], languages: str) -> dict[int, str]:
    """The text of pages of a PDF that are pictures; kreuzberg tells it in one piece, with marks between pages."""
    mark = secrets.token_hex(8)
    pages = PageConfig(insert_page_markers=True, marker_format=f"\n\n{mark} {{page_num}} {mark}\n\n")
    found = _extracted(path, _PDF, pages, languages, scans)
    parts = re.split(rf"{mark} (\d+) {mark}", found.content)
    return {int(number): _clean(text) for number, text in zip(parts[1::2], parts[2::2], strict=True)}


def _extracted(
    path: str, media_type: str, pages: PageConfig | None, languages: str | None, scans: Sequence[int] = ()
) -> ExtractionResult:
    """What kreuzberg finds.

    Args:
        path: Where the file is.
        media_type: Its type.
        pages: How pages are told.
        languages: Of text in images; ``None`` not to recognise any.
        scans: Pages that are read as images.

    Raises:
        ConfinedFault: It finds nothing, and why.
    """
    config = ExtractionConfig(
        use_cache=False,
        output_format="markdown",
        pages=pages,
        ocr=OcrConfig(backend="tesseract", language=languages) if languages else None,
        force_ocr_pages=list(scans) or None,
        disable_ocr=not languages,  # type: ignore[call-arg]  # kreuzberg's own types do not know it
    )
    try:
        return extract_file_sync(path, mime_type=media_type, config=config)
    except ValidationError:
        raise ConfinedFault("unsupported_file", f"Files of the type {media_type} are not known to kreuzberg.") from None
    except (MissingDependencyError, OCRError):
        message = f"Its text has to be recognised, and tesseract is not at hand, or not in the languages '{languages}'."
        raise ConfinedFault("invalid_file", message) from None
    except KreuzbergError:
        raise ConfinedFault("invalid_file", "It is broken.") from None


def _clean(text: str) -> str:
    return text.replace("\0", "").replace("\r\n", "\n").strip()


def _metadata(told: Any) -> dict[str, str]:
    inside = {**told, **(told.get("core_properties") or {})}
    names = {"title": inside.get("title"), "author": inside.get("creator") or inside.get("authors")}
    return {name: str(value)[:1000] for name, value in names.items() if isinstance(value, str) and value}
