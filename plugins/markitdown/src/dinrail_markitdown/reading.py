"""What the child process does: MarkItDown reads a file."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any
from zipfile import is_zipfile

from markitdown import FileConversionException, MarkItDown, StreamInfo, UnsupportedFormatException

from dinrail_sdk.confined.archives import check_unpacked
from dinrail_sdk.confined.faults import ConfinedFault

__all__ = ["read"]

warnings.simplefilter("ignore")

_ZIPPED = frozenset(
    {
        "application/epub+zip",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    }
)


def read(path: str, filename: str, media_type: str, max_pages: int, max_characters: int) -> dict[str, Any]:
    """A document as Markdown.

    Args:
        path: Where its bytes are.
        filename: Its name.
        media_type: Its type.
        max_pages: Of no use: MarkItDown does not tell pages apart.
        max_characters: The most characters of text.

    Returns:
        ``text``, ``form``, ``pages`` and ``metadata``.
    """
    check_unpacked(path)
    if media_type in _ZIPPED and not is_zipfile(path):
        raise ConfinedFault("invalid_file", "It is broken.")  # MarkItDown would take it for text
    try:
        found = _reader().convert_local(path, stream_info=StreamInfo(mimetype=media_type))
    except UnsupportedFormatException:
        message = f"Files of the type {media_type} are not known to MarkItDown."
        raise ConfinedFault("unsupported_file", message) from None
    except FileConversionException:
        raise ConfinedFault("invalid_file", "It is broken.") from None
    text = found.markdown.replace("\0", "").replace("\r\n", "\n")
    if len(text) > max_characters:
        raise ConfinedFault("invalid_file", f"It holds more than {max_characters} characters of text.")
    if not text.strip():
        raise ConfinedFault("invalid_file", "It holds no text.")
    metadata = {"title": found.title[:1000]} if found.title else {}
    return {"text": text, "form": "markdown", "pages": [], "metadata": metadata}


@lru_cache(maxsize=1)
def _reader() -> MarkItDown:
    return MarkItDown(enable_plugins=False)
