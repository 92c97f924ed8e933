"""Bytes to text."""

from __future__ import annotations

import codecs

from dinrail_sdk.confined.faults import ConfinedFault

__all__ = ["decoded"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = frozenset(map(chr, {*range(9), 11, *range(14, 27), 28, 29, 30, 31, 127}))


def decoded(data: bytes) -> str:
    """The text, by its byte-order mark, as UTF-8, or as Windows-1252; with one kind of line end.

    Raises:
        ConfinedFault: It is no text.
    """
    text = _decoded(data)
    sample = text[:65_536]
    if sum(character in _CONTROLS for character in sample) > len(sample) // 100:
        raise ConfinedFault("unsupported_file", "The file is no text.")
    return text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")


def _decoded(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                raise ConfinedFault("invalid_file", f"The file says that it is {encoding}, and is not.") from None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
