"""The names of files in ``Content-Disposition``: as clients write them, and as we do."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

__all__ = ["attachment", "disposition_of"]

_PARAMETER = re.compile(rb"""\s*;\s*([A-Za-z0-9!#$&+.^_`|~-]+\*?)\s*=\s*""")
_END_OF_QUOTED = re.compile(rb'"(?=\s*(?:;\s*[A-Za-z0-9!#$&+.^_`|~-]+\*?\s*=|$))')
_ESCAPED = re.compile(rb"%(?:0[1-9A-Fa-f]|1[0-9A-Fa-f]|22)|\\[\\\"]")
_ATTR_CHAR = "!#$&+-.^_`|~"
_PLAIN = re.compile(r'[^\x20-\x7e]|["\\%]')


def disposition_of(value: bytes) -> tuple[str | None, str | None]:
    """The field's name and the file's name in a form's header.

    Clients do not agree on how a name is written. Browsers and Node (WHATWG, HTML, 4.10.21.8) send UTF-8 in quotes,
    with ``%22``, ``%0D`` and ``%0A`` for what cannot stand there, and escape nothing else. Python's clients also send
    the other control characters so, and double backslashes; older ones put a backslash before a quote. All of them are
    undone here. (A file whose own name contains ``%22`` cannot be told from one with a quote: those clients send the
    same bytes for both.) ``filename*`` (RFC 5987) is exact, and is preferred.

    Args:
        value: The header's value.

    Returns:
        Either is ``None`` where it is not there.
    """
    found: dict[bytes, bytes] = {}
    at = value.find(b";")
    while at >= 0 and (match := _PARAMETER.match(value, at)):
        raw, at = _value(value, match.end())
        found.setdefault(match[1].lower(), raw)
    filename = _extended(found[b"filename*"]) if b"filename*" in found else None
    if filename is None and b"filename" in found:
        filename = _text(_ESCAPED.sub(_unescape, found[b"filename"]))
    name = found.get(b"name")
    return (None if name is None else _text(_ESCAPED.sub(_unescape, name))), filename


def _value(text: bytes, start: int) -> tuple[bytes, int]:
    """A parameter's raw value, and where it ends.

    Quotes and semicolons may stand unescaped inside: a quote ends the value only where a parameter, or nothing, follows
    it, and a backslash before it does not make it another's if no later quote could end the value.
    """
    if text[start : start + 1] != b'"':
        end = text.find(b";", start)
        end = len(text) if end < 0 else end
        return text[start:end].strip(), end
    last = None
    for match in _END_OF_QUOTED.finditer(text, start + 1):
        last = match.start()
        if not _is_escaped(text, last, start):
            break
    if last is None:
        return text[start + 1 :], len(text)
    return text[start + 1 : last], last + 1


def _is_escaped(text: bytes, at: int, start: int) -> bool:
    before = text[start + 1 : at]
    return (len(before) - len(before.rstrip(b"\\"))) % 2 == 1


def _unescape(match: re.Match[bytes]) -> bytes:
    found = match[0]
    return found[1:] if found.startswith(b"\\") else bytes((int(found[1:], 16),))


def _extended(raw: bytes) -> str | None:
    """A value of RFC 5987, ``UTF-8''na%C3%AFve``; ``None`` where it is none."""
    charset, first, rest = raw.strip(b'"').partition(b"'")
    _language, second, text = rest.partition(b"'")
    if not (first and second) or charset.lower() not in (b"utf-8", b"iso-8859-1"):
        return None
    try:
        return unquote_to_bytes(text).decode(charset.decode())
    except UnicodeDecodeError:
        return None


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def attachment(filename: str) -> str:
    """The header's value by which a file keeps its name when it is fetched (RFC 6266, with the fallback of appendix D).

    Args:
        filename: Any text; what cannot stand in a header is only in the percent-encoded form.
    """
    fallback = _PLAIN.sub("_", filename)
    exact = quote(filename, safe=_ATTR_CHAR, errors="replace")
    return f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{exact}"
