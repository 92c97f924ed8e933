"""What the child process does: kreuzberg reads a file."""

from __future__ import annotations

from typing import Any

from kreuzberg import (
    ExtractionConfig,
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
_PAGED = frozenset({"application/pdf", "application/vnd.openxmlformats-officedocument.presentationml.presentation"})
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
    config = ExtractionConfig(
        use_cache=False,
        output_format="markdown",
        pages=PageConfig(extract_pages=True) if media_type in _PAGED else None,
        ocr=OcrConfig(backend="tesseract", language=languages) if languages else None,
        disable_ocr=not languages,  # type: ignore[call-arg]  # kreuzberg's own types do not know it
    )
    try:
        found = extract_file_sync(path, mime_type=media_type, config=config)
    except ValidationError:
        raise ConfinedFault("unsupported_file", f"Files of the type {media_type} are not known to kreuzberg.") from None
    except (MissingDependencyError, OCRError):
        raise ConfinedFault("invalid_file", "Its text has to be recognised, and tesseract is not at hand.") from None
    except KreuzbergError:
        raise ConfinedFault("invalid_file", "It is broken.") from None
    contents = [_clean(page["content"]) for page in found.pages or []]
    if len(contents) > max_pages:
        raise ConfinedFault("invalid_file", f"It has more than {max_pages} pages.")
    text = _BETWEEN.join(contents) if contents else _clean(found.content)
    if len(text) > max_characters:
        raise ConfinedFault("invalid_file", f"It holds more than {max_characters} characters of text.")
    if not text.strip():
        raise ConfinedFault("invalid_file", "It holds no text.")
    begins = [sum(len(one) + len(_BETWEEN) for one in contents[:number]) for number in range(len(contents))]
    return {"text": text, "form": "markdown", "pages": begins, "metadata": _metadata(found.metadata)}


def _clean(text: str) -> str:
    return text.replace("\0", "").replace("\r\n", "\n").strip()


def _metadata(told: Any) -> dict[str, str]:
    inside = {**told, **(told.get("core_properties") or {})}
    names = {"title": inside.get("title"), "author": inside.get("creator") or inside.get("authors")}
    return {name: str(value)[:1000] for name, value in names.items() if isinstance(value, str) and value}
