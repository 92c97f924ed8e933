"""The functions that the child process is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dinrail_documents.reading.decoding import decoded
from dinrail_documents.reading.kinds import kind_of
from dinrail_sdk.confined.faults import ConfinedFault

__all__ = ["cut", "read"]


def read(path: str, filename: str, media_type: str, max_pages: int, max_characters: int) -> dict[str, Any]:
    """A document's text.

    Args:
        path: Where its bytes are.
        filename: Its name.
        media_type: Its type.
        max_pages: The most pages.
        max_characters: The most characters of text.

    Returns:
        ``text``, ``form``, ``pages`` and ``metadata`` of a :class:`~dinrail_core.api.documents.ParsedDocument`.
    """
    kind = kind_of(media_type, filename)
    pages: list[int] = []
    metadata: dict[str, str] = {}
    form = {"markdown": "markdown", "html": "markdown", "code": "code", "json": "code"}.get(kind or "", "text")
    if kind == "pdf":
        from dinrail_documents.reading.pdf import pdf_text

        text, pages, metadata = pdf_text(path, max_pages, max_characters)
    else:
        text = decoded(Path(path).read_bytes())
        if kind == "html":
            from dinrail_documents.reading.markup import markdown_of

            text, metadata = markdown_of(text)
        elif kind in ("json", "jsonl", "csv", "tsv"):
            from dinrail_documents.reading.tables import json_text, jsonl_text, table_text

            if kind in ("json", "jsonl"):
                text = json_text(text) if kind == "json" else jsonl_text(text)
            else:
                text = table_text(text, "\t" if kind == "tsv" else None)
    if not text.strip():
        raise ConfinedFault("invalid_file", "The file holds no text.")
    if len(text) > max_characters:
        raise ConfinedFault("invalid_file", f"The file holds more than {max_characters} characters of text.")
    return {"text": text, "form": form, "pages": pages, "metadata": metadata}


def cut(text: str, form: str, size: int, overlap: int) -> list[list[int]]:
    """Where the chunks of a text begin and end.

    Args:
        text: The text.
        form: What kind of text it is.
        size: The most tokens of a chunk.
        overlap: Tokens that neighbours may have in common.
    """
    from dinrail_documents.reading.cutting import spans

    return [list(span) for span in spans(text, form, size, overlap)]
