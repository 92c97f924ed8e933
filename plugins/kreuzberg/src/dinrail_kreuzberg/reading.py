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
    TesseractConfig,
    ValidationError,
    extract_file_sync,
)

from dinrail_sdk.confined.archives import check_unpacked
from dinrail_sdk.confined.faults import ConfinedFault

__all__ = ["read"]

_BETWEEN = "\n\n"
_PDF = "application/pdf"
_SLIDES = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
"""Beside PDF the only type of which the pages are real; others get none, or none that anybody would find again."""


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
    check_unpacked(path)
    contents: list[str] = []
    if media_type == _PDF:
        found = _extracted(path, media_type, PageConfig(extract_pages=True), None)
        contents = [_clean(page["content"]) for page in found.pages or []]
    elif media_type == _SLIDES:
        found, marked = _marked(path, media_type, None)
        contents = [marked.get(number, "") for number in range(1, max(marked, default=0) + 1)]
    else:
        found = _extracted(path, media_type, None, languages)
    if len(contents) > max_pages:
        raise ConfinedFault("invalid_file", f"It has more than {max_pages} pages.")
    scans = [number for number, content in enumerate(contents, 1) if not content]
    if scans and languages and media_type == _PDF:
        _, recognised = _marked(path, _PDF, languages, scans)
        contents = [content or recognised.get(number, "") for number, content in enumerate(contents, 1)]
    text = _BETWEEN.join(contents) if contents else _clean(found.content)
    if len(text) > max_characters:
        raise ConfinedFault("invalid_file", f"It holds more than {max_characters} characters of text.")
    if not text.strip():
        raise ConfinedFault("invalid_file", "It holds no text.")
    begins = [sum(len(one) + len(_BETWEEN) for one in contents[:number]) for number in range(len(contents))]
    return {"text": text, "form": "markdown", "pages": begins, "metadata": _metadata(found.metadata)}


def _marked(
    path: str, media_type: str, languages: str | None, scans: Sequence[int] = ()
) -> tuple[ExtractionResult, dict[int, str]]:
    """What kreuzberg finds, and its text by pages, for what it tells in one piece: slides, and pages that are pictures.

    It puts marks between them that no document knows.
    """
    mark = secrets.token_hex(8)
    pages = PageConfig(insert_page_markers=True, marker_format=f"\n\n{mark} {{page_num}} {mark}\n\n")
    found = _extracted(path, media_type, pages, languages, scans)
    parts = re.split(rf"{mark} (\d+) {mark}", found.content)
    return found, {int(number): _clean(text) for number, text in zip(parts[1::2], parts[2::2], strict=True)}


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
        ocr=_recognition(languages) if languages else None,
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


def _recognition(languages: str) -> OcrConfig:
    """How text in images is recognised: as text. What is taken for a table there is mostly two columns of words."""
    details = TesseractConfig(language=languages, enable_table_detection=False)
    return OcrConfig(backend="tesseract", language=languages, tesseract_config=details)


def _clean(text: str) -> str:
    return text.replace("\0", "").replace("\r\n", "\n").strip()


def _metadata(told: Any) -> dict[str, str]:
    inside = {**told, **(told.get("core_properties") or {})}
    names = {"title": inside.get("title"), "author": inside.get("creator") or inside.get("authors")}
    return {name: str(value)[:1000] for name, value in names.items() if isinstance(value, str) and value}
