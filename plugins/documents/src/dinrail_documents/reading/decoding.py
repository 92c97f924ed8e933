"""Bytes to text."""

from __future__ import annotations

import codecs
import re

from dinrail_sdk.confined.faults import ConfinedFault

__all__ = ["decoded"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_STATED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9][A-Za-z0-9_.:-]{1,39})""", re.IGNORECASE)
"""How HTML and XML say their encoding, within their first bytes."""
_STATED_WITHIN = 1024
_KNOWN = re.compile(r"(?:iso8859-|cp\d|koi8-|mac-|shift_jis|euc_|iso2022_|gb|big5|hz|johab|tis-620)")
"""Codecs of Python's that are encodings of texts, by the names that Python gives them."""
_CONTROLS = frozenset(map(chr, {*range(9), 11, *range(14, 27), 28, 29, 30, 31, 127}))


def decoded(data: bytes) -> str:
    """The text, with one kind of line end.

    It is read by its byte-order mark, as UTF-8, as what it says that it is (HTML and XML), or else as Windows-1252.

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
        return data.decode(_stated(data), "replace")


def _stated(data: bytes) -> str:
    """The encoding that a text which is no UTF-8 says that it has, if Python knows it; Latin 1 means Windows-1252."""
    found = _STATED.search(data[:_STATED_WITHIN])
    if found is not None:
        try:
            name = codecs.lookup(found[1].decode()).name
        except LookupError:
            name = ""
        if _KNOWN.match(name) and name != "iso8859-1":
            return name
    return "cp1252"
